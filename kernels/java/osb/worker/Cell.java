package osb.worker;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import jdk.jshell.SourceCodeAnalysis;
import jdk.jshell.SourceCodeAnalysis.Completeness;
import jdk.jshell.SourceCodeAnalysis.CompletionInfo;

/** The code of one run, and where its lines are. */
final class Cell {
    /** A part that JShell takes as one snippet. */
    static final class Piece {
        final Cell cell;
        final String source;
        final int offset;       // in the cell
        final int end;          // of the cell's text that it takes
        final boolean complete; // else its syntax is wrong, and it reaches to the end

        Piece(Cell cell, String source, int offset, int end, boolean complete) {
            this.cell = cell;
            this.source = source;
            this.offset = offset;
            this.end = end;
            this.complete = complete;
        }

        /** Code that is not in the cell but belongs to its run. */
        static Piece added(Cell cell, String source) {
            return new Piece(cell, source, -1, -1, true);
        }
    }

    final int number;
    final String code;
    private final int[] lines;  // where each begins

    Cell(int number, String code) {
        this.number = number;
        this.code = withoutPackage(code.replace("\r\n", "\n"));
        lines = lineStarts(this.code);
    }

    // Files of a package can be sent as they are: all code of a context is in one package.
    private static String withoutPackage(String code) {
        int from = firstToken(code, 0);
        if (!code.startsWith("package ", from)) return code;
        int end = code.indexOf(';', from);
        if (end < 0) return code;
        String blanks = code.substring(from, end + 1).replaceAll("[^\n]", " ");
        return code.substring(0, from) + blanks + code.substring(end + 1);
    }

    // Where blanks and comments end.
    private static int firstToken(String code, int from) {
        int at = from;
        while (at < code.length()) {
            int end;
            if (Character.isWhitespace(code.charAt(at))) {
                end = at + 1;
            } else if (code.startsWith("//", at)) {
                end = code.indexOf('\n', at);
            } else if (code.startsWith("/*", at)) {
                end = code.indexOf("*/", at + 2) + 2;
                if (end == 1) end = -1;
            } else {
                return at;
            }
            if (end < 0) break;
            at = end;
        }
        return code.length();
    }

    private static int[] lineStarts(String code) {
        List<Integer> starts = new ArrayList<>();
        for (int at = 0; at >= 0; at = code.indexOf('\n', at) + 1) {
            starts.add(at);
            if (code.indexOf('\n', at) < 0) break;
        }
        return starts.stream().mapToInt(Integer::intValue).toArray();
    }

    /** From 1. */
    int line(int offset) {
        int found = Arrays.binarySearch(lines, offset);
        return found >= 0 ? found + 1 : -found - 1;
    }

    /** From 1. */
    int column(int offset) {
        return offset - lines[line(offset) - 1] + 1;
    }

    String text(int line) {
        if (line < 1 || line > lines.length) return "";
        int end = line < lines.length ? lines[line] - 1 : code.length();
        return code.substring(lines[line - 1], end);
    }

    /** The first piece that begins at `from` or behind; null when only blanks and comments are left. */
    Piece next(SourceCodeAnalysis analysis, int from) {
        int offset = firstToken(code, from);  // from there JShell counts the lines of a snippet
        String rest = code.substring(offset);
        CompletionInfo info = analysis.analyzeCompletion(rest);
        Completeness state = info.completeness();
        if (state == Completeness.EMPTY) return null;
        if (state == Completeness.DEFINITELY_INCOMPLETE || state == Completeness.UNKNOWN)
            return new Piece(this, rest, offset, code.length(), false);
        int left = state == Completeness.COMPLETE ? info.remaining().length() : 0;
        return new Piece(this, info.source(), offset, code.length() - left, true);
    }
}
