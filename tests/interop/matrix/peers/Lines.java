import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;

/** What the peers in Java share: commands come on lines, what happens is told in the same way. README.md has the words. */
class Lines {
    /** Does what one line says. */
    interface Command {
        void run(String word, String[] rest) throws Exception;
    }

    static void run(Command command) throws IOException {
        var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = lines.readLine()) != null;) {
            var words = line.split("\t", -1);
            try {
                command.run(words[0], Arrays.copyOfRange(words, 1, words.length));
            } catch (Exception e) {
                tell("error", e);
            }
        }
        System.exit(0);
    }

    static synchronized void tell(Object... words) {
        var line = String.join("\t", Arrays.stream(words).map(String::valueOf).toList()) + "\n";
        System.out.writeBytes(line.getBytes(StandardCharsets.UTF_8));
        System.out.flush();
    }

    static void message(String text) {
        message("text", text.getBytes(StandardCharsets.UTF_8));
    }

    static void message(byte[] data) {
        message("binary", data);
    }

    private static void message(String kind, byte[] data) {
        try {
            tell(kind, data.length, HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(data)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    static String text(String file) throws IOException {
        return Files.readString(Path.of(file));
    }

    static byte[] binary(String file) throws IOException {
        return Files.readAllBytes(Path.of(file));
    }
}
