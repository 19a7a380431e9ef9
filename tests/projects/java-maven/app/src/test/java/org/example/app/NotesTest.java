package org.example.app;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class NotesTest {
    @Test
    void aNoteKnowsItsLength() {
        assertEquals(5, Notes.noteOf("first").getLength());
    }
}
