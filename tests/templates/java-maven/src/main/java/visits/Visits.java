package visits;

import com.google.gson.Gson;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.Map;

/** Counts visits in a database of SQLite, whose native library is in a jar. */
public final class Visits {
    private static int count;

    public static void main(String[] args) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(8080), 0);
        server.createContext("/", exchange -> answer(exchange, page()));
        server.createContext("/visits", exchange -> answer(exchange, visits().getBytes()));
        server.start();
    }

    private static byte[] page() throws IOException {
        try (InputStream page = Visits.class.getResourceAsStream("/static/index.html")) {
            return page.readAllBytes();
        }
    }

    private static String visits() {
        try (var database = DriverManager.getConnection("jdbc:sqlite::memory:");
                var found = database.createStatement().executeQuery("select sqlite_version()")) {
            return new Gson().toJson(Map.of("visits", ++count, "machine", System.getProperty("os.arch"),
                    "sqlite", found.getString(1)));
        } catch (SQLException error) {
            return error.toString();
        }
    }

    private static void answer(HttpExchange exchange, byte[] body) throws IOException {
        exchange.sendResponseHeaders(200, body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }
}
