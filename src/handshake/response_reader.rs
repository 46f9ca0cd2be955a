use super::head::{ResponseHead, StatusLineSpan};
use super::http1::{HeadFault, HeadReader};
use super::limits::{Deadline, HandshakeLimits};
use super::response_error::ResponseError;
use crate::Moment;

/// Reads the final response to a request, whoever asked for what.
pub(crate) struct ResponseReader {
    limits: HandshakeLimits,
    reader: HeadReader<StatusLineSpan>,
    interim: usize,
    interim_bytes: usize,
    deadline: Deadline,
    state: State,
}

enum State {
    Waiting,
    Complete,
    Failed(ResponseError),
}

/// Interim responses that are skipped.
const MOST_INTERIM: usize = 8;

impl ResponseReader {
    pub(crate) fn new(limits: HandshakeLimits) -> ResponseReader {
        ResponseReader {
            limits,
            reader: HeadReader::new(),
            interim: 0,
            interim_bytes: 0,
            deadline: Deadline::UNARMED,
            state: State::Waiting,
        }
    }

    /// The head of the first response that is final: no 1xx but 101 (RFC 9110 §15.2).
    pub(crate) fn receive(&mut self, input: &mut &mut [u8]) -> Result<Option<ResponseHead>, ResponseError> {
        match self.state {
            State::Failed(error) => return Err(error),
            State::Complete => return Ok(None),
            State::Waiting => {}
        }
        loop {
            match self.reader.read(input, &self.limits) {
                Ok(None) => return Ok(None),
                Ok(Some(head)) => {
                    let head = ResponseHead(head);
                    if head.status() >= 200 || head.status() == 101 {
                        self.state = State::Complete;
                        return Ok(Some(head));
                    }
                    self.interim += 1;
                    self.interim_bytes = self.interim_bytes.saturating_add(head.0.bytes.len());
                    if self.interim > MOST_INTERIM {
                        return self.fail(ResponseError::TooManyInterimResponses);
                    }
                    if self.interim_bytes > self.limits.head {
                        return self.fail(ResponseError::HeadTooLarge);
                    }
                }
                Err(fault) => {
                    return self.fail(match fault {
                        HeadFault::Line => ResponseError::StatusLineMalformed,
                        HeadFault::LineTooLong => ResponseError::StatusLineTooLong,
                        HeadFault::TooLarge => ResponseError::HeadTooLarge,
                        HeadFault::TooManyFields => ResponseError::TooManyFields,
                        HeadFault::Fields => ResponseError::HeadMalformed,
                    });
                }
            }
        }
    }

    pub(crate) fn receive_eof(&mut self) -> Result<(), ResponseError> {
        match self.state {
            State::Waiting => self.fail(ResponseError::EndedEarly),
            State::Failed(error) => Err(error),
            State::Complete => Ok(()),
        }
    }

    pub(super) fn poll_timeout(&mut self, now: Moment) -> Option<Moment> {
        matches!(self.state, State::Waiting).then(|| self.deadline.poll(now, self.limits.time)).flatten()
    }

    pub(super) fn handle_timeout(&mut self, now: Moment) -> Result<(), ResponseError> {
        match self.state {
            State::Waiting if self.deadline.has_passed(now) => self.fail(ResponseError::TimedOut),
            State::Failed(error) => Err(error),
            State::Waiting | State::Complete => Ok(()),
        }
    }

    pub(crate) fn fail<T>(&mut self, error: ResponseError) -> Result<T, ResponseError> {
        self.state = State::Failed(error);
        self.reader = HeadReader::new();
        Err(error)
    }
}
