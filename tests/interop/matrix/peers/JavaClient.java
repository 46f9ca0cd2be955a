import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.CompletionStage;

/** Java's own WebSocket client, {@code java.net.http}, as a peer: {@code java JavaClient client}. */
class JavaClient implements WebSocket.Listener {
    private static final HttpClient CLIENT = HttpClient.newHttpClient();
    private static volatile WebSocket ws;

    private final StringBuilder text = new StringBuilder();
    private final ByteArrayOutputStream binary = new ByteArrayOutputStream();

    public static void main(String[] arguments) throws Exception {
        Lines.tell("version", "java.net.http", System.getProperty("java.version"));
        Lines.run(JavaClient::command);
    }

    private static void command(String word, String[] rest) throws Exception {
        switch (word) {
            case "connect" -> connect(rest[0], Arrays.copyOfRange(rest, 1, rest.length));
            case "text" -> ws.sendText(Lines.text(rest[0]), true).join();
            case "binary" -> ws.sendBinary(ByteBuffer.wrap(Lines.binary(rest[0])), true).join();
            case "fragments" -> {
                for (int i = 0; i < rest.length; i++) {
                    ws.sendText(Lines.text(rest[i]), i == rest.length - 1).join();
                }
            }
            case "ping" -> ws.sendPing(ByteBuffer.wrap(rest[0].getBytes(StandardCharsets.UTF_8))).join();
            case "close" -> {
                if (rest[0].isEmpty()) {
                    Lines.tell("cannot", "its `sendClose` always has a code");
                } else {
                    ws.sendClose(Integer.parseInt(rest[0]), rest[1]).join();
                }
            }
        }
    }

    private static void connect(String url, String[] subprotocols) {
        var builder = CLIENT.newWebSocketBuilder();
        if (subprotocols.length > 0) {
            builder.subprotocols(subprotocols[0], Arrays.copyOfRange(subprotocols, 1, subprotocols.length));
        }
        builder.buildAsync(URI.create(url), new JavaClient()).join();
    }

    @Override
    public void onOpen(WebSocket socket) {
        ws = socket;
        Lines.tell("open", socket.getSubprotocol());
        socket.request(Long.MAX_VALUE);
    }

    @Override
    public CompletionStage<?> onText(WebSocket socket, CharSequence part, boolean last) {
        text.append(part);
        if (last) {
            Lines.message(text.toString());
            text.setLength(0);
        }
        return null;
    }

    @Override
    public CompletionStage<?> onBinary(WebSocket socket, ByteBuffer part, boolean last) {
        var bytes = new byte[part.remaining()];
        part.get(bytes);
        binary.writeBytes(bytes);
        if (last) {
            Lines.message(binary.toByteArray());
            binary.reset();
        }
        return null;
    }

    @Override
    public CompletionStage<?> onClose(WebSocket socket, int code, String reason) {
        Lines.tell("closed", code, reason);
        return null;
    }

    @Override
    public void onError(WebSocket socket, Throwable error) {
        // It has no words for an end without a Close but this.
        Lines.tell("closed", 1006, error);
    }
}
