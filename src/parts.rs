use crate::frames::{Frames, Piece};
use crate::{Data, Limits, Opcode, ProtocolError, Role, Text, Utf8};

/// The receiving side between frames and events: text judged, faults kept, what comes behind a Close thrown away.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) frames: Frames,
    pub(crate) utf8: Utf8,
    /// No part of the message in progress was given yet.
    pub(crate) fresh: bool,
    /// Reported on every call behind it.
    failed: Option<ProtocolError>,
    /// How the peer may compress, if at all.
    #[cfg(feature = "deflate")]
    pub(crate) deflate: Option<crate::deflate::Direction>,
}

/// What a level above makes an event of.
pub(crate) enum Part<'b> {
    Text { text: Text<'b>, first: bool, last: bool },
    Binary { data: Data<'b>, first: bool, last: bool },
    Control(Piece<'b>),
}

impl Parts {
    pub(crate) const fn new(role: Role) -> Parts {
        Parts {
            frames: Frames::new(role),
            utf8: Utf8::new(),
            fresh: true,
            failed: None,
            #[cfg(feature = "deflate")]
            deflate: None,
        }
    }

    /// Messages may come compressed.
    #[cfg(feature = "deflate")]
    pub(crate) fn claim_rsv1(&mut self, direction: crate::deflate::Direction) {
        self.frames.claim_rsv1();
        self.deflate = Some(direction);
    }

    /// Nothing more is to be read: a Close came, or the transport ended. Input is taken and thrown away.
    pub(crate) fn stop(&mut self) {
        self.frames.stop();
    }

    /// Makes a fault stick.
    #[cold]
    pub(crate) fn fail(&mut self, fault: ProtocolError) -> ProtocolError {
        self.frames.stop();
        *self.failed.get_or_insert(fault)
    }

    #[cfg(feature = "deflate")]
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    /// Takes the next piece of a frame off the front of `input`, of data no more than `most` bytes.
    #[inline(always)]
    pub(crate) fn piece<'b>(
        &mut self,
        limits: &Limits,
        most: usize,
        input: &mut &'b mut [u8],
    ) -> Result<Option<Piece<'b>>, ProtocolError> {
        match self.frames.next(limits, most, input) {
            Ok(None) => self.failed.map_or(Ok(None), Err),
            Ok(piece) => Ok(piece),
            Err(fault) => Err(self.fail(fault)),
        }
    }

    /// As [`piece`](Parts::piece), but takes no payload.
    #[cfg(feature = "deflate")]
    pub(crate) fn enter(
        &mut self,
        limits: &Limits,
        input: &mut &mut [u8],
    ) -> Result<Option<crate::frames::Entered>, ProtocolError> {
        match self.frames.enter(limits, input) {
            Ok(None) => self.failed.map_or(Ok(None), Err),
            Ok(entered) => Ok(entered),
            Err(fault) => Err(self.fail(fault)),
        }
    }

    /// Takes the next part off the front of `input`.
    pub(crate) fn next<'b>(
        &mut self,
        limits: &Limits,
        input: &mut &'b mut [u8],
    ) -> Result<Option<Part<'b>>, ProtocolError> {
        if let Some((opcode, mask, payload)) = self.frames.whole_message(limits, input) {
            let piece = Piece { opcode, payload, mask, first: true, last: true, end: true };
            return match opcode {
                Opcode::Text => self.text(piece),
                _ => Ok(self.binary(piece)),
            };
        }
        loop {
            // No more is unmasked than the character cut by the last input needs: it is a part of its own.
            let most = match self.utf8.missing() {
                0 => usize::MAX,
                missing => missing,
            };
            let Some(piece) = self.piece(limits, most, input)? else { return Ok(None) };
            let part = match piece.opcode {
                Opcode::Text => self.text(piece)?,
                Opcode::Binary => self.binary(piece),
                _ => Some(Part::Control(piece)),
            };
            if part.is_some() {
                return Ok(part);
            }
        }
    }

    fn binary<'b>(&mut self, piece: Piece<'b>) -> Option<Part<'b>> {
        let Piece { payload, mut mask, end, .. } = piece;
        if payload.is_empty() && !end {
            return None;
        }
        mask.apply(payload);
        let first = core::mem::replace(&mut self.fresh, end);
        Some(Part::Binary { data: Data::lent(payload), first, last: end })
    }

    /// The valid text of this piece; a fault behind it is reported by the next call.
    fn text<'b>(&mut self, piece: Piece<'b>) -> Result<Option<Part<'b>>, ProtocolError> {
        let Piece { payload, mut mask, end, .. } = piece;
        mask.apply(payload);
        let mut rest: &'b [u8] = payload;
        let text = match self.utf8.next(&mut rest) {
            Ok(text) => text,
            Err(_) => return Err(self.fail(ProtocolError::InvalidUtf8)),
        };
        if !rest.is_empty() || end && !self.utf8.is_whole() {
            let fault = self.fail(ProtocolError::InvalidUtf8);
            let Some(text) = text else { return Err(fault) };
            return Ok(Some(Part::Text { text, first: self.fresh, last: false }));
        }
        let text = match text {
            Some(text) => text,
            None if end => Text::lent(""),
            None => return Ok(None),
        };
        let first = core::mem::replace(&mut self.fresh, end);
        Ok(Some(Part::Text { text, first, last: end }))
    }
}
