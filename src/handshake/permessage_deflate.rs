use super::deflate_parameters::{ClientWindow, DeflateFault, NAME, Parameters};
use super::extension::Extension;
use super::extension_text::ExtensionText;
use super::window_bits::WindowBits;

/// What one end wants of permessage-deflate (RFC 7692): a server's policy, or a client's offer.
///
/// Negotiation needs nothing but this. To compress and inflate, a `Connection` takes what was [`Agreed`] with its
/// `with_deflate` (feature `deflate`).
///
/// ```
/// use sockless::handshake::{Acceptance, HttpVersion, OriginPolicy, PermessageDeflate, Request, RequestLine};
///
/// # let line = RequestLine { method: b"GET", target: b"/chat", version: HttpVersion::HTTP_11 };
/// # let fields = [
/// #     ("Host", "server.example.com"),
/// #     ("Upgrade", "websocket"),
/// #     ("Connection", "Upgrade"),
/// #     ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
/// #     ("Sec-WebSocket-Version", "13"),
/// #     ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"),
/// # ];
/// # let fields = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
/// let request = Request::check(line, fields, OriginPolicy::SameHost)?;
/// let agreed = PermessageDeflate::default().no_context_takeover().answer(request.extensions());
/// let answer = agreed.map(|agreed| agreed.answer());
/// assert_eq!(
///     answer.as_deref(),
///     Some("permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
/// );
/// let mut response = [0; 512];
/// let acceptance = Acceptance { extensions: answer.as_deref(), ..Acceptance::default() };
/// let length = request.write_acceptance(&acceptance, &mut response)?;
/// # assert!(length > 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct PermessageDeflate {
    /// The server's messages are to be compressed each by itself: its window is empty between them. Default: not.
    pub server_no_context_takeover: bool,
    /// The client's messages are to be compressed each by itself. Default: not.
    pub client_no_context_takeover: bool,
    /// The largest window that the server may compress with; the largest of all says nothing. Default: that.
    pub server_max_window_bits: WindowBits,
    /// The largest window that the client shall compress with. A client without one does not offer the parameter, so
    /// that the server cannot set it; a server can set it only if it is offered, and to 8 only if the client says 8. Default:
    /// the largest.
    pub client_max_window_bits: Option<WindowBits>,
    /// Whole messages of fewer bytes go uncompressed. Never negotiated. Default: 64.
    pub threshold: usize,
    /// How hard to compress: 1 is fastest, 9 smallest, 0 stores. More counts as 9. Never negotiated. Default: 6.
    pub level: u8,
}

impl PermessageDeflate {
    /// The default.
    pub const DEFAULT: PermessageDeflate = PermessageDeflate {
        server_no_context_takeover: false,
        client_no_context_takeover: false,
        server_max_window_bits: WindowBits::MAX,
        client_max_window_bits: Some(WindowBits::MAX),
        threshold: 64,
        level: 6,
    };

    /// Sets [`server_no_context_takeover`](PermessageDeflate::server_no_context_takeover) and
    /// [`client_no_context_takeover`](PermessageDeflate::client_no_context_takeover): no window lives between
    /// messages.
    #[must_use]
    pub const fn no_context_takeover(mut self) -> PermessageDeflate {
        self.server_no_context_takeover = true;
        self.client_no_context_takeover = true;
        self
    }

    /// Sets [`server_no_context_takeover`](PermessageDeflate::server_no_context_takeover).
    #[must_use]
    pub const fn server_no_context_takeover(mut self) -> PermessageDeflate {
        self.server_no_context_takeover = true;
        self
    }

    /// Sets [`client_no_context_takeover`](PermessageDeflate::client_no_context_takeover).
    #[must_use]
    pub const fn client_no_context_takeover(mut self) -> PermessageDeflate {
        self.client_no_context_takeover = true;
        self
    }

    /// Sets [`server_max_window_bits`](PermessageDeflate::server_max_window_bits).
    #[must_use]
    pub const fn server_max_window_bits(mut self, bits: WindowBits) -> PermessageDeflate {
        self.server_max_window_bits = bits;
        self
    }

    /// Sets [`client_max_window_bits`](PermessageDeflate::client_max_window_bits).
    #[must_use]
    pub const fn client_max_window_bits(mut self, bits: Option<WindowBits>) -> PermessageDeflate {
        self.client_max_window_bits = bits;
        self
    }

    /// Sets [`threshold`](PermessageDeflate::threshold).
    #[must_use]
    pub const fn threshold(mut self, bytes: usize) -> PermessageDeflate {
        self.threshold = bytes;
        self
    }

    /// Sets [`level`](PermessageDeflate::level).
    #[must_use]
    pub const fn level(mut self, level: u8) -> PermessageDeflate {
        self.level = level;
        self
    }

    /// A server's choice: the first of the client's offers that can be accepted, which a bad one is not
    /// (RFC 7692 §5, §7). `None` if there is none: the connection goes without.
    pub fn answer<'a>(&self, offers: impl IntoIterator<Item = Extension<'a>>) -> Option<Agreed> {
        let mut offers = offers.into_iter().filter(|offer| offer.name() == NAME);
        offers.find_map(|offer| Some(self.accept(Parameters::parse(&offer).ok()?)))
    }

    fn accept(&self, offer: Parameters) -> Agreed {
        let server = offer.server_max_window_bits.unwrap_or(WindowBits::MAX).min(self.server_max_window_bits);
        // Not every compressor can do with 8: only one that says so is asked to.
        let own = self.client_max_window_bits.unwrap_or(WindowBits::MAX).max(NINE);
        let client = match offer.client_max_window_bits {
            None => None,
            Some(ClientWindow::Any) => (own < WindowBits::MAX).then_some(own),
            // A hint need not be followed, but there are clients that take no larger window for an answer.
            Some(ClientWindow::Bits(hint)) => Some(own.min(hint)),
        };
        let parameters = Parameters {
            server_no_context_takeover: offer.server_no_context_takeover | self.server_no_context_takeover,
            client_no_context_takeover: offer.client_no_context_takeover | self.client_no_context_takeover,
            // It has to be there if it was offered, and may be if not.
            server_max_window_bits: (offer.server_max_window_bits.is_some() || server < WindowBits::MAX)
                .then_some(server),
            client_max_window_bits: client.map(ClientWindow::Bits),
        };
        Agreed { parameters, threshold: self.threshold, level: self.level }
    }

    /// A client's offer, to be put into [`Offer::extensions`](super::Offer::extensions), alone or in a list with
    /// others, the favourite first.
    ///
    /// ```
    /// use sockless::handshake::PermessageDeflate;
    ///
    /// let offer = PermessageDeflate::default().client_no_context_takeover().offer();
    /// assert_eq!(&*offer, "permessage-deflate; client_no_context_takeover; client_max_window_bits");
    /// ```
    pub fn offer(&self) -> ExtensionText {
        let window = |bits| if bits < WindowBits::MAX { ClientWindow::Bits(bits) } else { ClientWindow::Any };
        let parameters =
            Parameters { client_max_window_bits: self.client_max_window_bits.map(window), ..self.asked() };
        parameters.text()
    }

    /// Checks a server's answer: it has to lie within this offer, or say nothing of the extension (RFC 7692 §5). What
    /// the client asked of itself it keeps to, whether the answer confirms it or not.
    ///
    /// # Errors
    /// What is wrong with the answer. The handshake has failed: close the transport, or close the connection with
    /// [`CloseCode::MANDATORY_EXTENSION`](crate::CloseCode::MANDATORY_EXTENSION) (RFC 7692 §5.1).
    pub fn check<'a>(
        &self,
        answers: impl IntoIterator<Item = Extension<'a>>,
    ) -> Result<Option<Agreed>, DeflateFault> {
        PermessageDeflate::check_any(core::slice::from_ref(self), answers)
    }

    /// As [`check`](PermessageDeflate::check), for a client that made several offers: the answer has to lie within
    /// one of them. Threshold and level are that one's.
    ///
    /// # Errors
    /// As [`check`](PermessageDeflate::check): why the answer does not lie within the last offer, or
    /// [`NotOffered`](DeflateFault::NotOffered).
    pub fn check_any<'a>(
        offers: &[PermessageDeflate],
        answers: impl IntoIterator<Item = Extension<'a>>,
    ) -> Result<Option<Agreed>, DeflateFault> {
        let mut answers = answers.into_iter().filter(|answer| answer.name() == NAME);
        let Some(answer) = answers.next() else { return Ok(None) };
        if answers.next().is_some() {
            return Err(DeflateFault::AcceptedTwice);
        }
        let parameters = Parameters::parse(&answer)?;
        if parameters.client_max_window_bits == Some(ClientWindow::Any) {
            return Err(DeflateFault::InvalidValue);
        }
        let mut outcome = Err(DeflateFault::NotOffered);
        for offer in offers {
            outcome = offer.covers(&parameters).map(|()| Some(offer.kept_to(parameters)));
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    /// What a client agrees to by this answer. It may always do with less than the answer grants, and what it said of
    /// itself it does, confirmed or not (RFC 7692 §7.1.1.2, §7.1.2.2).
    fn kept_to(&self, answer: Parameters) -> Agreed {
        let granted = match answer.client_max_window_bits {
            Some(ClientWindow::Bits(bits)) => bits,
            Some(ClientWindow::Any) | None => WindowBits::MAX,
        };
        let window = granted.min(self.client_max_window_bits.unwrap_or(WindowBits::MAX));
        let parameters = Parameters {
            client_no_context_takeover: answer.client_no_context_takeover | self.client_no_context_takeover,
            client_max_window_bits: (answer.client_max_window_bits.is_some() || window < WindowBits::MAX)
                .then_some(ClientWindow::Bits(window)),
            ..answer
        };
        Agreed { parameters, threshold: self.threshold, level: self.level }
    }

    /// The answer lies within this offer.
    fn covers(&self, answer: &Parameters) -> Result<(), DeflateFault> {
        if self.server_no_context_takeover && !answer.server_no_context_takeover {
            return Err(DeflateFault::TakeoverNotConfirmed);
        }
        match answer.server_max_window_bits {
            None if self.server_max_window_bits < WindowBits::MAX => {
                return Err(DeflateFault::ServerWindowNotConfirmed);
            }
            Some(bits) if bits > self.server_max_window_bits => {
                return Err(DeflateFault::ServerWindowTooLarge);
            }
            _ => {}
        }
        // Any value will do: what was offered is a hint (RFC 7692 §7.1.2.2).
        if answer.client_max_window_bits.is_some() && self.client_max_window_bits.is_none() {
            return Err(DeflateFault::ClientWindowNotOffered);
        }
        Ok(())
    }

    /// These very parameters, agreed by other means than a handshake.
    pub fn agreed(&self) -> Agreed {
        Agreed { parameters: self.asked(), threshold: self.threshold, level: self.level }
    }

    fn asked(&self) -> Parameters {
        let mentioned = |bits: &WindowBits| *bits < WindowBits::MAX;
        Parameters {
            server_no_context_takeover: self.server_no_context_takeover,
            client_no_context_takeover: self.client_no_context_takeover,
            server_max_window_bits: Some(self.server_max_window_bits).filter(mentioned),
            client_max_window_bits: self.client_max_window_bits.filter(mentioned).map(ClientWindow::Bits),
        }
    }
}

const NINE: WindowBits = match WindowBits::new(9) {
    Some(bits) => bits,
    None => WindowBits::MAX,
};

impl Default for PermessageDeflate {
    fn default() -> PermessageDeflate {
        PermessageDeflate::DEFAULT
    }
}

/// What both ends have agreed on, with what this end keeps to itself: when to compress, and how hard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Agreed {
    parameters: Parameters,
    threshold: usize,
    level: u8,
}

impl Agreed {
    /// A server's answer, to be put into [`Acceptance::extensions`](super::Acceptance::extensions).
    pub fn answer(&self) -> ExtensionText {
        self.parameters.text()
    }

    /// Whether the server compresses each message by itself.
    pub const fn server_no_context_takeover(&self) -> bool {
        self.parameters.server_no_context_takeover
    }

    /// Whether the client compresses each message by itself.
    pub const fn client_no_context_takeover(&self) -> bool {
        self.parameters.client_no_context_takeover
    }

    /// The largest window that the server compresses with.
    pub fn server_max_window_bits(&self) -> WindowBits {
        self.parameters.server_max_window_bits.unwrap_or(WindowBits::MAX)
    }

    /// The largest window that the client compresses with.
    pub fn client_max_window_bits(&self) -> WindowBits {
        match self.parameters.client_max_window_bits {
            Some(ClientWindow::Bits(bits)) => bits,
            Some(ClientWindow::Any) | None => WindowBits::MAX,
        }
    }

    /// From how many bytes on this end compresses a message.
    pub const fn threshold(&self) -> usize {
        self.threshold
    }

    /// How hard this end compresses.
    pub const fn level(&self) -> u8 {
        self.level
    }
}
