use super::head::{ResponseHead, StatusLineSpan};
use super::http1::{HeadFault, HeadReader};
use super::limits::HandshakeLimits;
use super::progress::Progress;
use super::response_error::ResponseError;
use crate::Moment;

/// Reads the final response to a request, whoever asked for what.
pub(crate) struct ResponseReader {
    limits: HandshakeLimits,
    progress: Progress<Responses, ResponseError>,
}

struct Responses {
    reader: HeadReader<StatusLineSpan>,
    /// The interim ones so far, and their bytes.
    interim: usize,
    interim_bytes: usize,
}

/// Interim responses that are skipped.
const MOST_INTERIM: usize = 8;

impl ResponseReader {
    pub(crate) fn new(limits: HandshakeLimits) -> ResponseReader {
        let responses = Responses { reader: HeadReader::new(), interim: 0, interim_bytes: 0 };
        ResponseReader { limits, progress: Progress::new(responses, limits.time) }
    }

    /// The head of the first response that is final: no 1xx but 101 (RFC 9110 §15.2).
    pub(crate) fn receive(&mut self, input: &mut &mut [u8]) -> Result<Option<ResponseHead>, ResponseError> {
        let Some(responses) = self.progress.waiting()? else { return Ok(None) };
        match responses.next(input, &self.limits) {
            Ok(None) => Ok(None),
            Ok(Some(head)) => {
                self.progress.complete();
                Ok(Some(head))
            }
            Err(error) => self.progress.fail(error),
        }
    }

    pub(crate) fn receive_eof(&mut self) -> Result<(), ResponseError> {
        self.progress.receive_eof(ResponseError::EndedEarly)
    }

    pub(crate) fn poll_timeout(&mut self, now: Moment) -> Option<Moment> {
        self.progress.poll_timeout(now)
    }

    pub(crate) fn handle_timeout(&mut self, now: Moment) -> Result<(), ResponseError> {
        self.progress.handle_timeout(now, ResponseError::TimedOut)
    }

    /// What came is no answer to what was asked.
    pub(crate) fn fail<T>(&mut self, error: ResponseError) -> Result<T, ResponseError> {
        self.progress.fail(error)
    }
}

impl Responses {
    fn next(
        &mut self,
        input: &mut &mut [u8],
        limits: &HandshakeLimits,
    ) -> Result<Option<ResponseHead>, ResponseError> {
        while let Some(head) = self.reader.read(input, limits).map_err(error)? {
            let head = ResponseHead(head);
            if head.status() >= 200 || head.status() == 101 {
                return Ok(Some(head));
            }
            self.interim += 1;
            self.interim_bytes = self.interim_bytes.saturating_add(head.0.bytes.len());
            if self.interim > MOST_INTERIM {
                return Err(ResponseError::TooManyInterimResponses);
            }
            if self.interim_bytes > limits.head {
                return Err(ResponseError::HeadTooLarge);
            }
        }
        Ok(None)
    }
}

fn error(fault: HeadFault) -> ResponseError {
    match fault {
        HeadFault::Line => ResponseError::StatusLineMalformed,
        HeadFault::LineTooLong => ResponseError::StatusLineTooLong,
        HeadFault::TooLarge => ResponseError::HeadTooLarge,
        HeadFault::TooManyFields => ResponseError::TooManyFields,
        HeadFault::Fields => ResponseError::HeadMalformed,
    }
}
