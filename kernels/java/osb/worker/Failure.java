package osb.worker;

import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import jdk.jshell.DeclarationSnippet;
import jdk.jshell.Diag;
import jdk.jshell.EvalException;
import jdk.jshell.JShell;
import jdk.jshell.JShellException;
import jdk.jshell.UnresolvedReferenceException;

/**
 * Why a run failed, as clients see it. The names are those of JShell's exceptions, which clients of the usual Java
 * kernel know: EvalException for whatever the code threw, CompilationException for what could not be compiled.
 */
final class Failure extends Exception {
    private static final long serialVersionUID = 1;
    private static final int EVALUE_LIMIT = 64 * 1024;
    private static final int FRAMES_SHOWN = 40;  // of each exception
    private static final int LINES_SHOWN = 100;    // of compile errors
    private static final int LINE_SHOWN = 500;
    private static final int CAUSES_SHOWN = 20;
    private static final String WRAPPER = "REPL.$JShell$";

    final transient List<String> traceback;
    final String name;

    private Failure(String name, String value, List<String> traceback) {
        super(value.length() > EVALUE_LIMIT ? value.substring(0, EVALUE_LIMIT) + "…" : value, null, false, false);
        this.name = name;
        this.traceback = traceback;
    }

    static Failure interrupted() {
        return interrupted(List.of());
    }

    /** `where`: what the code threw because of it, if that is known. */
    static Failure interrupted(List<String> where) {
        List<String> lines = new ArrayList<>(List.of("KeyboardInterrupt: the run was interrupted"));
        if (where.size() > 1) lines.addAll(where);
        return new Failure("KeyboardInterrupt", "the run was interrupted", lines);
    }

    static Failure library(String problem) {
        return new Failure("LibraryNotFound", problem, List.of("LibraryNotFound: " + problem));
    }

    /** What no snippet threw as such; shown without JShell's help. */
    static Failure of(Throwable error) {
        if (Engine.isStop(error)) return interrupted();
        if (error instanceof Guard.Exit) {
            String text = "System.exit(" + error.getMessage() + ") does not end a context; delete it instead";
            return new Failure("SystemExit", error.getMessage(), List.of("SystemExit: " + text));
        }
        String head = head(error.getClass().getName(), message(error));
        return new Failure("EvalException", head, new ArrayList<>(List.of(head)));
    }

    /** What broke outside of the user's code: it was too much for the compiler. */
    static Failure ofCompiler(Throwable error) {
        if (Engine.isStop(error)) return interrupted();
        String text = "the compiler failed: " + error;
        return new Failure("CompilationException", text, new ArrayList<>(List.of(text)));
    }

    static Failure of(JShellException error, Throwable thrown, JShell shell, Map<String, Cell.Piece> pieces) {
        if (thrown instanceof Guard.Exit) return of(thrown);
        if (error instanceof UnresolvedReferenceException) {
            DeclarationSnippet snippet = ((UnresolvedReferenceException) error).getSnippet();
            String text = "it needs what is not declared: "
                + shell.unresolvedDependencies(snippet).collect(Collectors.joining(", "));
            List<String> lines = new ArrayList<>(List.of("UnresolvedReferenceException: " + text));
            frames(error, pieces, lines);
            return new Failure("UnresolvedReferenceException", text, lines);
        }
        List<String> lines = new ArrayList<>();
        Set<Throwable> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        String before = "";
        for (Throwable at = error; at != null && seen.add(at) && seen.size() <= CAUSES_SHOWN; at = at.getCause()) {
            lines.add(before + head(at));
            frames(at, pieces, lines);
            before = "Caused by: ";
        }
        return new Failure("EvalException", head(error), lines);
    }

    private static String head(Throwable error) {
        return error instanceof EvalException ? head(((EvalException) error).getExceptionClassName(), message(error))
                                              : head(error.getClass().getName(), message(error));
    }

    private static String head(String type, String message) {
        String name = type.startsWith(WRAPPER) ? type.substring(type.indexOf('$', WRAPPER.length()) + 1) : type;
        return message == null || message.isEmpty() ? name : name + ": " + message;
    }

    private static String message(Throwable error) {
        try {
            return error.getMessage();
        } catch (Throwable ofTheUser) {
            return null;
        }
    }

    // JShell names the place of a snippet "#<id>", with the line counted from where the snippet begins.
    private static void frames(Throwable error, Map<String, Cell.Piece> pieces, List<String> lines) {
        StackTraceElement[] frames = error.getStackTrace();
        boolean sourceShown = false;
        for (int i = 0; i < frames.length && i < FRAMES_SHOWN; ++i) {
            StackTraceElement frame = frames[i];
            String file = frame.getFileName();
            Cell.Piece piece = file != null && file.startsWith("#") ? pieces.get(file.substring(1)) : null;
            if (piece != null && piece.offset < 0) continue;
            if (piece == null) {
                lines.add("    at " + frame);
                continue;
            }
            int line = piece.cell.line(piece.offset) + frame.getLineNumber() - 1;
            String where = (frame.getClassName().isEmpty() ? "" : frame.getClassName() + ".") + frame.getMethodName();
            lines.add("    at " + (where.isEmpty() ? "" : where + " ") + "(cell " + piece.cell.number + ":" + line + ")");
            String source = piece.cell.text(line).trim();
            if (!sourceShown && source.length() <= LINE_SHOWN) lines.add("        " + source);
            sourceShown = true;
        }
        if (frames.length > FRAMES_SHOWN) lines.add("    … " + (frames.length - FRAMES_SHOWN) + " more");
    }

    static Failure compilation(List<Diag> problems, Cell.Piece piece) {
        return compilation(problems, piece, List.of());
    }

    /** `missing`: what the piece is kept for, to be completed. */
    static Failure compilation(List<Diag> problems, Cell.Piece piece, List<String> missing) {
        List<String> lines = new ArrayList<>();
        String first = null;
        for (Diag problem : problems) {
            if (!problem.isError() || lines.size() > LINES_SHOWN) continue;
            List<String> message = message(problem);
            show(problem, message, piece, lines);
            if (first == null) first = lines.get(0).replaceFirst("error: ", "") + details(message);
        }
        if (first == null) {
            first = missing.isEmpty() ? "the code cannot be compiled" : "not declared: " + String.join(", ", missing);
            lines.add("cell " + piece.cell.number + ", line " + piece.cell.line(piece.offset) + ": error: " + first);
        }
        if (!missing.isEmpty())
            lines.add("The declaration is kept, and complete once this is declared: " + String.join(", ", missing));
        return new Failure("CompilationException", first, lines);
    }

    // Everything of a context is in one class without a name.
    private static List<String> message(Diag problem) {
        List<String> lines = new ArrayList<>(List.of(problem.getMessage(Locale.getDefault()).split("\n")));
        lines.removeIf(line -> line.trim().equals("location: class"));
        return lines;
    }

    private static String details(List<String> message) {
        String rest = message.stream().skip(1).map(String::trim).collect(Collectors.joining(", "));
        return rest.isEmpty() ? "" : " (" + rest + ")";
    }

    private static void show(Diag problem, List<String> message, Cell.Piece piece, List<String> lines) {
        Cell cell = piece.cell;
        int at = Math.min(piece.offset + (int) Math.max(problem.getPosition(), 0), cell.code.length());
        int end = piece.offset + (int) problem.getEndPosition();
        int line = cell.line(at);
        int column = cell.column(at);
        String source = cell.text(line);
        if (source.length() > LINE_SHOWN) source = source.substring(0, LINE_SHOWN) + "…";
        lines.add("cell " + cell.number + ", line " + line + ", column " + column + ": error: " + message.get(0));
        lines.add("    " + source);
        int width = Math.max(1, Math.min(end - at, source.length() - column + 1));
        if (column <= source.length() + 1)
            lines.add("    " + source.substring(0, column - 1).replaceAll("[^\t]", " ") + "^".repeat(width));
        lines.addAll(message.subList(1, message.size()));
    }
}
