package osb.worker;

import java.io.File;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Jars for the code of users: the environment's CLASSPATH, and lines of a cell such as `%jars lib/*.jar`, `%classpath
 * DIR` and `%maven group:artifact:version`. The last looks into the machine's local Maven repositories only, and takes
 * the one jar, not what it depends on.
 */
final class Libraries {
    private static final Pattern LINE = Pattern.compile("^%(maven|jars|classpath)[ \t]+(\\S.*)$", Pattern.MULTILINE);
    private static final String[] REPOSITORIES = {
        System.getProperty("user.home") + "/.m2/repository", "/usr/share/maven-repo",
    };

    private final Shell shell;
    private final Set<Path> added = new HashSet<>();

    Libraries(Shell shell) {
        this.shell = shell;
    }

    /** As the JVM takes it: directories and jars; "dir/*" are the jars of a directory. */
    void addClasspath(String classpath) {
        if (classpath == null) return;
        for (String entry : classpath.split(File.pathSeparator)) {
            if (entry.endsWith("*")) {
                for (Path jar : matches(entry + ".jar")) add(jar);
            } else if (!entry.isEmpty() && Files.exists(Paths.get(entry))) {
                add(Paths.get(entry));
            }
        }
    }

    /** Does what the lines of the code ask for; the code with blank lines in their place. */
    String apply(String code) throws Failure {
        Matcher line = LINE.matcher(code);
        StringBuilder rest = new StringBuilder();
        int at = 0;
        while (line.find()) {
            for (String wanted : line.group(2).trim().split("\\s+")) addWanted(line.group(1), wanted);
            rest.append(code, at, line.start());
            at = line.end();
        }
        return at == 0 ? code : rest.append(code, at, code.length()).toString();
    }

    private void addWanted(String how, String wanted) throws Failure {
        List<Path> found = how.equals("maven") ? maven(wanted) : matches(wanted);
        if (found.isEmpty())
            throw Failure.library("%" + how + " " + wanted + ": not found"
                                  + (how.equals("maven") ? " in " + String.join(", ", REPOSITORIES)
                                     + " (nothing is downloaded: fetch it with mvn or curl, then use %jars)" : ""));
        for (Path path : found) add(path);
    }

    private void add(Path path) {
        Path absolute = path.toAbsolutePath().normalize();
        if (added.add(absolute)) shell.addToClasspath(absolute.toString());
    }

    private static List<Path> maven(String name) throws Failure {
        String[] parts = name.split(":");
        if (parts.length != 3) throw Failure.library("%maven " + name + ": not group:artifact:version");
        List<Path> found = new ArrayList<>();
        for (String repository : REPOSITORIES) {
            Path jar = Paths.get(repository, parts[0].replace('.', '/'), parts[1], parts[2],
                                 parts[1] + "-" + parts[2] + ".jar");
            if (found.isEmpty() && Files.exists(jar)) found.add(jar);
        }
        return found;
    }

    private static List<Path> matches(String pattern) {
        Path path = Paths.get(pattern);
        if (Files.exists(path)) return List.of(path);
        List<Path> found = new ArrayList<>();
        Path parent = path.toAbsolutePath().getParent();
        if (parent == null || !Files.isDirectory(parent)) return found;
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(parent, path.getFileName().toString())) {
            for (Path entry : entries) found.add(entry);
        } catch (IOException | RuntimeException unreadable) {
            return found;
        }
        found.sort(null);
        return found;
    }
}
