package osb.worker;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import jdk.jshell.DeclarationSnippet;
import jdk.jshell.Diag;
import jdk.jshell.JShell;
import jdk.jshell.Snippet;
import jdk.jshell.SnippetEvent;
import jdk.jshell.SourceCodeAnalysis;
import jdk.jshell.TypeDeclSnippet;
import jdk.jshell.spi.ExecutionControlProvider;
import jdk.jshell.spi.ExecutionEnv;

/** A JShell with its state, and the runs of whole cells in it. */
final class Shell {
    // The imports of jshell's own start-up script.
    private static final String[] IMPORTS = {
        "java.io.*", "java.math.*", "java.net.*", "java.nio.file.*", "java.util.*", "java.util.concurrent.*",
        "java.util.function.*", "java.util.regex.*", "java.util.stream.*",
    };
    private static final int CELLS_KEPT = 1000;  // whose lines tracebacks show

    private final JShell shell;
    private final SourceCodeAnalysis analysis;
    private final Engine engine;
    private final Interrupts interrupts;
    private final CodeLoader loader = new CodeLoader();
    private final Map<String, Cell.Piece> pieces = new LinkedHashMap<>() {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Cell.Piece> eldest) {
            return eldest.getValue().cell.number < cells - CELLS_KEPT;
        }
    };
    private int cells;

    Shell(Interrupts interrupts) {
        this.interrupts = interrupts;
        engine = new Engine(loader, interrupts);
        shell = JShell.builder().executionEngine(new ExecutionControlProvider() {
            @Override
            public String name() {
                return "opensandbox";
            }

            @Override
            public Engine generate(ExecutionEnv env, Map<String, String> parameters) {
                return engine;
            }
        }, new HashMap<>()).build();
        analysis = shell.sourceCodeAnalysis();
        for (String name : IMPORTS) shell.eval("import " + name + ";");
    }

    CodeLoader loader() {
        return loader;
    }

    void addToClasspath(String path) {
        shell.addToClasspath(path);
    }

    /** Leaves no trace but a faster first run. */
    void warmUp() {
        for (SnippetEvent event : shell.eval("List.of(1 + 1).stream().map(x -> x).collect(Collectors.toList())"))
            shell.drop(event.snippet());
    }

    /** After a failure in its last steps the compiler keeps what it failed of. A changed class path makes it anew. */
    void renewCompiler() {
        shell.addToClasspath("/nonexistent");
    }

    /** Evaluates what no cell holds. */
    void define(String source) {
        shell.eval(source);
    }

    /** The value of the last expression, or null. Throws Failure. */
    Object run(Cell cell) throws Failure {
        cells = cell.number;
        List<Cell.Piece> parts = split(cell);
        List<Snippet> snippets = new ArrayList<>();
        Object value = null;
        for (Cell.Piece part : parts) value = evaluate(part, snippets);
        for (Snippet snippet : snippets) checkUsable(snippet);
        String program = program(snippets);
        if (program != null) evaluate(Cell.Piece.added(cell, program + ".main(new String[0]);"), snippets);
        return value;
    }

    /** Runs code of the user that is not a snippet, such as a toString(). */
    String text(Object value) throws Failure {
        try {
            interrupts.enter();
            return Engine.text(value);
        } catch (Throwable error) {
            throw Failure.of(error);
        } finally {
            interrupts.leave();
        }
    }

    // Wrong syntax anywhere keeps the whole cell from running.
    private List<Cell.Piece> split(Cell cell) throws Failure {
        List<Cell.Piece> parts = new ArrayList<>();
        Cell.Piece part = cell.next(analysis, 0);
        while (part != null) {
            if (interrupts.pending()) throw Failure.interrupted();
            if (!part.complete) checkSyntax(part);
            parts.add(part);
            part = part.end < cell.code.length() ? cell.next(analysis, part.end) : null;
        }
        return parts;
    }

    private void checkSyntax(Cell.Piece part) throws Failure {
        for (Snippet snippet : analysis.sourceToSnippets(part.source)) {
            if (snippet.kind() != Snippet.Kind.ERRONEOUS) continue;
            engine.reset();
            // Not run: JShell refuses it, and says where it is wrong.
            for (SnippetEvent event : shell.eval(part.source))
                if (event.status() == Snippet.Status.REJECTED)
                    throw Failure.compilation(diagnostics(event.snippet()), part);
        }
    }

    private Object evaluate(Cell.Piece part, List<Snippet> snippets) throws Failure {
        if (interrupts.pending()) throw Failure.interrupted();
        engine.reset();
        Object value = null;
        for (SnippetEvent event : shell.eval(part.source)) {
            Snippet snippet = event.snippet();
            if (event.causeSnippet() != null) continue;  // an earlier one that this one changed
            pieces.put(snippet.id(), part);
            if (event.status() == Snippet.Status.REJECTED) {
                if (isLimit(snippet)) renewCompiler();
                throw problems(snippet);
            }
            if (event.status() != Snippet.Status.VALID && !isDeclaration(snippet)) throw forget(snippet);
            if (event.exception() != null && !Engine.isStop(engine.thrown()))
                throw Failure.of(event.exception(), engine.thrown(), shell, pieces);
            if (engine.thrown() != null) throw Failure.of(engine.thrown());
            if (engine.refused() != null) throw Failure.of(engine.refused());
            snippets.add(snippet);
            value = isResult(snippet) ? engine.value() : null;
        }
        return value;
    }

    private static boolean isDeclaration(Snippet snippet) {
        return snippet instanceof DeclarationSnippet && snippet.kind() != Snippet.Kind.ERRONEOUS;
    }

    private static boolean isResult(Snippet snippet) {
        switch (snippet.subKind()) {
            case TEMP_VAR_EXPRESSION_SUBKIND:
            case VAR_VALUE_SUBKIND:
            case OTHER_EXPRESSION_SUBKIND: return true;
            default: return false;  // an assignment has none
        }
    }

    // A declaration may use what comes later in its cell. What nobody declared by then is an error, although JShell
    // keeps the declaration and completes it when the missing thing comes.
    private void checkUsable(Snippet snippet) throws Failure {
        if (!isDeclaration(snippet)) return;
        Snippet.Status status = shell.status(snippet);
        if (status != Snippet.Status.RECOVERABLE_DEFINED && status != Snippet.Status.RECOVERABLE_NOT_DEFINED) return;
        List<String> missing = shell.unresolvedDependencies((DeclarationSnippet) snippet).collect(Collectors.toList());
        if (missing.isEmpty()) throw forget(snippet);
        throw Failure.compilation(diagnostics(snippet), pieces.get(snippet.id()), missing);
    }

    // What is beyond a limit of class files fails late, and would fail again with every snippet to come.
    private Failure forget(Snippet snippet) {
        Failure failure = problems(snippet);
        shell.drop(snippet);
        renewCompiler();
        return failure;
    }

    private boolean isLimit(Snippet snippet) {
        return shell.diagnostics(snippet).anyMatch(problem -> problem.getCode().startsWith("compiler.err.limit"));
    }

    private Failure problems(Snippet snippet) {
        return Failure.compilation(diagnostics(snippet), pieces.get(snippet.id()));
    }

    private List<Diag> diagnostics(Snippet snippet) {
        return shell.diagnostics(snippet).collect(Collectors.toList());
    }

    // A cell of nothing but imports and types, one of them with a main method, is a whole program. Of several such
    // types the one named Main is meant.
    private String program(List<Snippet> snippets) {
        List<String> found = new ArrayList<>();
        for (Snippet snippet : snippets) {
            if (snippet.kind() == Snippet.Kind.IMPORT) continue;
            if (snippet.kind() != Snippet.Kind.TYPE_DECL) return null;
            String name = ((TypeDeclSnippet) snippet).name();
            if (engine.hasMain(name)) found.add(name);
        }
        return found.size() == 1 ? found.get(0) : found.contains("Main") ? "Main" : null;
    }
}
