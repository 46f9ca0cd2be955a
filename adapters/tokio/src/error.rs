use std::{fmt, io};

use sockless::handshake::{DeflateFault, Refusal, ResponseError, ResponseHead, WriteError};
use sockless::{Cause, End, SendError, UriError};

/// Why there is no connection, or no longer one.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The transport failed.
    Io(io::Error),
    /// The connection ended without a closing handshake: the cause says which side and why.
    Ended(Box<End>),
    /// This end may not send that now.
    Send(SendError),
    /// The request is none that this server answers with a WebSocket. The client has been told.
    Refused(Refusal),
    /// The server answered with another status than 101.
    Status(Box<ResponseHead>),
    /// The server's answer breaks a rule.
    Response(ResponseError),
    /// The server's answer to what compression was offered is none, and what it sends would not be understood.
    Deflate(DeflateFault),
    /// The request or response asked for cannot be sent.
    Write(WriteError),
    /// The URI is none for a WebSocket.
    Uri(UriError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io(error) => write!(f, "the transport failed: {error}"),
            Error::Ended(end) => write!(f, "ended with {}: {}", end.code, end.cause),
            Error::Send(error) => error.fmt(f),
            Error::Refused(refusal) => refusal.fmt(f),
            Error::Status(head) => write!(f, "the server answered {}", head.status()),
            Error::Response(error) => error.fmt(f),
            Error::Deflate(fault) => fault.fmt(f),
            Error::Write(error) => error.fmt(f),
            Error::Uri(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io(error) => Some(error),
            Error::Ended(end) => match &end.cause {
                Cause::Failed(fault) => Some(fault),
                _ => None,
            },
            Error::Status(_) => None,
            Error::Send(error) => Some(error),
            Error::Refused(refusal) => Some(refusal),
            Error::Response(error) => Some(error),
            Error::Deflate(fault) => Some(fault),
            Error::Write(error) => Some(error),
            Error::Uri(error) => Some(error),
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        Error::Io(error)
    }
}

impl From<SendError> for Error {
    fn from(error: SendError) -> Error {
        Error::Send(error)
    }
}

impl From<ResponseError> for Error {
    fn from(error: ResponseError) -> Error {
        Error::Response(error)
    }
}

impl From<DeflateFault> for Error {
    fn from(fault: DeflateFault) -> Error {
        Error::Deflate(fault)
    }
}

impl From<WriteError> for Error {
    fn from(error: WriteError) -> Error {
        Error::Write(error)
    }
}

impl From<UriError> for Error {
    fn from(error: UriError) -> Error {
        Error::Uri(error)
    }
}
