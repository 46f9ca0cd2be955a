use super::extension::Extension;
use super::extension_text::ExtensionText;
use super::window_bits::WindowBits;
use core::fmt;

/// The extension's name.
pub(super) const NAME: &str = "permessage-deflate";

const SERVER_NO_CONTEXT_TAKEOVER: &str = "server_no_context_takeover";
const CLIENT_NO_CONTEXT_TAKEOVER: &str = "client_no_context_takeover";
const SERVER_MAX_WINDOW_BITS: &str = "server_max_window_bits";
const CLIENT_MAX_WINDOW_BITS: &str = "client_max_window_bits";

/// What is wrong with a server's answer: the handshake has failed (RFC 7692 §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeflateFault {
    /// A parameter that the extension does not have.
    UnknownParameter,
    /// A parameter that stands there twice.
    RepeatedParameter,
    /// A value where none may be, none where one must be, or one that is not a number from 8 to 15 as it has to be
    /// written.
    InvalidValue,
    /// The extension is accepted twice: both would claim RSV1.
    AcceptedTwice,
    /// `server_no_context_takeover` was asked for, and is not confirmed.
    TakeoverNotConfirmed,
    /// `server_max_window_bits` was asked for, and is not confirmed.
    ServerWindowNotConfirmed,
    /// `server_max_window_bits` is larger than what was asked for.
    ServerWindowTooLarge,
    /// `client_max_window_bits` was not offered.
    ClientWindowNotOffered,
    /// There was no offer at all.
    NotOffered,
}

impl DeflateFault {
    /// The section that states the rule.
    pub const fn section(self) -> &'static str {
        match self {
            DeflateFault::UnknownParameter | DeflateFault::RepeatedParameter | DeflateFault::InvalidValue => {
                "RFC 7692 §7"
            }
            DeflateFault::AcceptedTwice | DeflateFault::NotOffered => "RFC 7692 §5",
            DeflateFault::TakeoverNotConfirmed => "RFC 7692 §7.1.1.1",
            DeflateFault::ServerWindowNotConfirmed | DeflateFault::ServerWindowTooLarge => {
                "RFC 7692 §7.1.2.1"
            }
            DeflateFault::ClientWindowNotOffered => "RFC 7692 §7.1.2.2",
        }
    }
}

impl fmt::Display for DeflateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fault = match self {
            DeflateFault::UnknownParameter => "permessage-deflate has no such parameter",
            DeflateFault::RepeatedParameter => "a parameter of permessage-deflate is repeated",
            DeflateFault::InvalidValue => "a parameter of permessage-deflate has an invalid value",
            DeflateFault::AcceptedTwice => "permessage-deflate is accepted twice",
            DeflateFault::TakeoverNotConfirmed => {
                "server_no_context_takeover was offered and is not confirmed"
            }
            DeflateFault::ServerWindowNotConfirmed => {
                "server_max_window_bits was offered and is not confirmed"
            }
            DeflateFault::ServerWindowTooLarge => "server_max_window_bits is larger than offered",
            DeflateFault::ClientWindowNotOffered => "client_max_window_bits was not offered",
            DeflateFault::NotOffered => "permessage-deflate was not offered",
        };
        write!(f, "{fault} ({})", self.section())
    }
}

impl core::error::Error for DeflateFault {}

/// The parameters of one offer or answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Parameters {
    pub(super) server_no_context_takeover: bool,
    pub(super) client_no_context_takeover: bool,
    pub(super) server_max_window_bits: Option<WindowBits>,
    pub(super) client_max_window_bits: Option<ClientWindow>,
}

/// The one parameter whose value may be missing, in an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum ClientWindow {
    Any,
    Bits(WindowBits),
}

impl Parameters {
    /// Reads them all; repeated ones, unknown ones and impossible values are faults (RFC 7692 §7).
    pub(super) fn parse(extension: &Extension<'_>) -> Result<Parameters, DeflateFault> {
        let mut parameters = Parameters::default();
        for parameter in extension.parameters() {
            let bits = parameter.value.map(WindowBits::parse);
            let repeated = match (parameter.name, bits) {
                (SERVER_NO_CONTEXT_TAKEOVER, None) => set(&mut parameters.server_no_context_takeover),
                (CLIENT_NO_CONTEXT_TAKEOVER, None) => set(&mut parameters.client_no_context_takeover),
                (SERVER_MAX_WINDOW_BITS, Some(Some(bits))) => {
                    parameters.server_max_window_bits.replace(bits).is_some()
                }
                (CLIENT_MAX_WINDOW_BITS, None) => {
                    parameters.client_max_window_bits.replace(ClientWindow::Any).is_some()
                }
                (CLIENT_MAX_WINDOW_BITS, Some(Some(bits))) => {
                    parameters.client_max_window_bits.replace(ClientWindow::Bits(bits)).is_some()
                }
                (
                    SERVER_NO_CONTEXT_TAKEOVER
                    | CLIENT_NO_CONTEXT_TAKEOVER
                    | SERVER_MAX_WINDOW_BITS
                    | CLIENT_MAX_WINDOW_BITS,
                    _,
                ) => return Err(DeflateFault::InvalidValue),
                _ => return Err(DeflateFault::UnknownParameter),
            };
            if repeated {
                return Err(DeflateFault::RepeatedParameter);
            }
        }
        Ok(parameters)
    }

    pub(super) fn text(&self) -> ExtensionText {
        let mut text = ExtensionText::new();
        text.put(NAME);
        for (there, name) in [
            (self.server_no_context_takeover, SERVER_NO_CONTEXT_TAKEOVER),
            (self.client_no_context_takeover, CLIENT_NO_CONTEXT_TAKEOVER),
        ] {
            if there {
                text.put("; ");
                text.put(name);
            }
        }
        if let Some(bits) = self.server_max_window_bits {
            text.put("; ");
            text.put_bits(SERVER_MAX_WINDOW_BITS, bits);
        }
        match self.client_max_window_bits {
            None => {}
            Some(ClientWindow::Any) => {
                text.put("; ");
                text.put(CLIENT_MAX_WINDOW_BITS);
            }
            Some(ClientWindow::Bits(bits)) => {
                text.put("; ");
                text.put_bits(CLIENT_MAX_WINDOW_BITS, bits);
            }
        }
        text
    }
}

/// Sets a flag and says whether it was set.
fn set(flag: &mut bool) -> bool {
    core::mem::replace(flag, true)
}
