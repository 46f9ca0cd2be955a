import jakarta.websocket.ClientEndpointConfig;
import jakarta.websocket.CloseReason;
import jakarta.websocket.ContainerProvider;
import jakarta.websocket.Endpoint;
import jakarta.websocket.EndpointConfig;
import jakarta.websocket.Extension;
import jakarta.websocket.MessageHandler;
import jakarta.websocket.Session;
import jakarta.websocket.server.ServerContainer;
import jakarta.websocket.server.ServerEndpointConfig;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.logging.LogManager;
import org.apache.catalina.servlets.DefaultServlet;
import org.apache.catalina.util.ServerInfo;
import org.apache.tomcat.websocket.server.WsContextListener;

/** Tomcat's WebSocket engine, which Spring's stands on, as a peer: {@code java Tomcat client|server}. */
public class Tomcat {
    private static volatile Session session;

    public static void main(String[] arguments) throws Exception {
        LogManager.getLogManager().reset();
        Lines.tell("version", "Tomcat", ServerInfo.getServerNumber());
        if (arguments[0].equals("server")) {
            Lines.tell("listening", listen());
        }
        Lines.run(Tomcat::command);
    }

    @SuppressWarnings("deprecation") // what takes the mapping's place does not exist yet
    private static int listen() throws Exception {
        var folder = Files.createTempDirectory(Path.of(System.getenv("TMPDIR")), "tomcat").toFile();
        var tomcat = new org.apache.catalina.startup.Tomcat();
        tomcat.setBaseDir(folder.getPath());
        tomcat.setHostname("127.0.0.1");
        tomcat.setPort(0);
        var context = tomcat.addContext("", folder.getPath());
        context.addApplicationListener(WsContextListener.class.getName());
        // The filter that upgrades has to stand before something.
        org.apache.catalina.startup.Tomcat.addServlet(context, "default", new DefaultServlet());
        context.addServletMappingDecoded("/", "default");
        tomcat.getConnector();
        tomcat.start();
        var container = (ServerContainer) context.getServletContext().getAttribute(ServerContainer.class.getName());
        var endpoint = ServerEndpointConfig.Builder.create(Peer.class, "/");
        container.addEndpoint(endpoint.subprotocols(List.of("chat", "echo")).build());
        return tomcat.getConnector().getLocalPort();
    }

    private static void connect(String url, String[] subprotocols) throws Exception {
        var config = ClientEndpointConfig.Builder.create()
            .preferredSubprotocols(List.of(subprotocols))
            .extensions(List.of(new Deflate()))
            .build();
        ContainerProvider.getWebSocketContainer().connectToServer(new Peer(), config, URI.create(url));
    }

    private static void command(String word, String[] rest) throws Exception {
        if (word.equals("connect")) {
            connect(rest[0], Arrays.copyOfRange(rest, 1, rest.length));
            return;
        }
        var remote = session.getBasicRemote();
        switch (word) {
            case "text" -> remote.sendText(Lines.text(rest[0]));
            case "binary" -> remote.sendBinary(ByteBuffer.wrap(Lines.binary(rest[0])));
            case "fragments" -> {
                for (int i = 0; i < rest.length; i++) {
                    remote.sendText(Lines.text(rest[i]), i == rest.length - 1);
                }
            }
            case "ping" -> remote.sendPing(ByteBuffer.wrap(rest[0].getBytes(StandardCharsets.UTF_8)));
            case "close" -> {
                if (rest[0].isEmpty()) {
                    Lines.tell("cannot", "a `CloseReason` always has a code");
                } else {
                    var code = CloseReason.CloseCodes.getCloseCode(Integer.parseInt(rest[0]));
                    session.close(new CloseReason(code, rest[1]));
                }
            }
        }
    }

    /** The offer of a client, which offers nothing by itself. */
    private static class Deflate implements Extension {
        @Override
        public String getName() {
            return "permessage-deflate";
        }

        @Override
        public List<Parameter> getParameters() {
            return List.of();
        }
    }

    /** One connection, which tells what comes. */
    public static class Peer extends Endpoint {
        @Override
        public void onOpen(Session opened, EndpointConfig config) {
            session = opened;
            session.setMaxTextMessageBufferSize(64 << 20);
            session.setMaxBinaryMessageBufferSize(64 << 20);
            session.addMessageHandler(String.class, (MessageHandler.Whole<String>) Lines::message);
            session.addMessageHandler(byte[].class, (MessageHandler.Whole<byte[]>) Lines::message);
            Lines.tell("open", session.getNegotiatedSubprotocol());
        }

        @Override
        public void onClose(Session closed, CloseReason reason) {
            var phrase = reason.getReasonPhrase();
            Lines.tell("closed", reason.getCloseCode().getCode(), phrase == null ? "" : phrase);
        }
    }
}
