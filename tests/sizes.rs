use sockless::*;
#[test]
fn sizes() {
    println!(
        "Decoder {} Session {} Connection {} Receiver {} Sender {} Event {} ProtocolError {} Signal {} End {}",
        size_of::<Decoder>(),
        size_of::<Session>(),
        size_of::<Connection>(),
        size_of::<Receiver>(),
        size_of::<Sender>(),
        size_of::<Option<Event>>(),
        size_of::<ProtocolError>(),
        size_of::<Signal>(),
        size_of::<End>()
    );
    println!("{}", size_of::<Result<Option<Event>, ProtocolError>>());
}
