package org.example.app;

import java.io.IOException;
import java.sql.SQLException;
import java.util.Properties;
import org.example.store.Store;

/** Writes the notes that it is given, and reads them again. */
public final class Notes {
    private Notes() {}

    static Messages.Note noteOf(String text) {
        return Messages.Note.newBuilder().setText(text).setLength(text.length()).build();
    }

    private static String version() throws IOException {
        var properties = new Properties();
        try (var stream = Notes.class.getResourceAsStream("/notes.properties")) {
            properties.load(stream);
        }
        return properties.getProperty("version");
    }

    public static void main(String[] arguments) throws IOException, SQLException {
        String machine = System.getProperty("os.arch");
        System.out.println(machine.equals("aarch64") ? "arm64" : machine);
        System.out.println("notes " + version());
        try (var store = new Store(":memory:")) {
            for (String text : arguments) {
                store.add(noteOf(text).toByteArray());
            }
            for (byte[] held : store.all()) {
                var note = Messages.Note.parseFrom(held);
                System.out.println(note.getText() + ": " + note.getLength());
            }
        }
    }
}
