package osb.worker;

import java.io.File;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.HashMap;
import java.util.Map;
import jdk.jshell.execution.LoaderDelegate;
import jdk.jshell.spi.ExecutionControl.ClassBytecodes;
import jdk.jshell.spi.ExecutionControl.ClassInstallException;

/**
 * Loads the compiled snippets and the jars of users. Those may hold the library that our jar carries too, in another
 * version, so ours is hidden from them.
 */
final class CodeLoader extends URLClassLoader implements LoaderDelegate {
    private static final String OURS = "org.objectweb.asm.";
    private final Map<String, byte[]> declared = new HashMap<>();

    CodeLoader() {
        super(new URL[0], CodeLoader.class.getClassLoader());
    }

    @Override
    public void load(ClassBytecodes[] classes) throws ClassInstallException {
        boolean[] loaded = new boolean[classes.length];
        try {
            classesRedefined(classes);
            for (int i = 0; i < classes.length; ++i) {
                Class<?> found = loadClass(classes[i].name());
                loaded[i] = true;
                found.getDeclaredMethods();  // what it lacks is missed now, not in the middle of a run
            }
        } catch (Throwable error) {
            throw new ClassInstallException("load: " + error, loaded);
        }
    }

    @Override
    public void classesRedefined(ClassBytecodes[] classes) {
        synchronized (declared) {
            for (ClassBytecodes code : classes) declared.put(code.name(), code.bytecodes());
        }
    }

    @Override
    public void addToClasspath(String paths) {
        for (String path : paths.split(File.pathSeparator)) {
            try {
                addURL(new File(path).toURI().toURL());
            } catch (MalformedURLException impossible) {
                throw new IllegalArgumentException(path, impossible);
            }
        }
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
        if (!name.startsWith(OURS)) return super.loadClass(name, resolve);
        synchronized (getClassLoadingLock(name)) {
            Class<?> known = findLoadedClass(name);
            return known != null ? known : findClass(name);
        }
    }

    @Override
    public Class<?> findClass(String name) throws ClassNotFoundException {
        Class<?> known = findLoadedClass(name);
        if (known != null) return known;
        byte[] code;
        synchronized (declared) {
            code = declared.remove(name);
        }
        return code == null ? super.findClass(name) : defineClass(name, code, 0, code.length);
    }
}
