package org.example.store;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;

/** Notes, in the order in which they were added. */
public final class Store implements AutoCloseable {
    private final Connection connection;

    public Store(String path) throws SQLException {
        connection = DriverManager.getConnection("jdbc:sqlite:" + path);
        try (var statement = connection.createStatement()) {
            statement.execute("create table if not exists notes (body blob not null)");
        }
    }

    public void add(byte[] note) throws SQLException {
        try (var statement = connection.prepareStatement("insert into notes values (?)")) {
            statement.setBytes(1, note);
            statement.execute();
        }
    }

    public List<byte[]> all() throws SQLException {
        List<byte[]> found = new ArrayList<>();
        try (var statement = connection.createStatement();
                var rows = statement.executeQuery("select body from notes order by rowid")) {
            while (rows.next()) {
                found.add(rows.getBytes(1));
            }
        }
        return found;
    }

    @Override
    public void close() throws SQLException {
        connection.close();
    }
}
