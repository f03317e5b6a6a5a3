package osb.worker;

import java.util.HashSet;
import java.util.Set;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassVisitor;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.Handle;
import org.objectweb.asm.Label;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;

/**
 * Makes compiled code stoppable (Guard has the rules). What is put in needs no operand and makes no branch, so the
 * frames and the stack size of a method stay right and nothing has to be computed anew.
 */
final class Weaver extends ClassVisitor {
    private static final String GUARD = "osb/worker/Guard";
    private static final int API = Opcodes.ASM9;
    private static final int NEWEST_KNOWN = Opcodes.V17;

    private Weaver(ClassWriter writer) {
        super(API, writer);
    }

    /** The class with the checks. Fails with a RuntimeException on what it does not understand. */
    static byte[] weave(byte[] code) {
        // The library refuses versions later than itself. Between them nothing changed that we touch, so the class is
        // shown to it as an older one.
        byte high = code[6];
        byte low = code[7];
        boolean newer = ((high & 0xff) << 8 | low & 0xff) > NEWEST_KNOWN;
        byte[] known = code.clone();
        if (newer) {
            known[6] = 0;
            known[7] = (byte) NEWEST_KNOWN;
        }
        ClassWriter writer = new ClassWriter(0);
        new ClassReader(known).accept(new Weaver(writer), 0);
        byte[] woven = writer.toByteArray();
        woven[6] = high;
        woven[7] = low;
        return woven;
    }

    @Override
    public MethodVisitor visitMethod(int access, String name, String descriptor, String signature, String[] exceptions) {
        return new Method(super.visitMethod(access, name, descriptor, signature, exceptions));
    }

    private static final class Method extends MethodVisitor {
        private final Set<Label> behind = new HashSet<>();

        Method(MethodVisitor next) {
            super(API, next);
        }

        private void check() {
            super.visitMethodInsn(Opcodes.INVOKESTATIC, GUARD, "check", "()V", false);
        }

        private void checkBefore(Label... targets) {
            for (Label target : targets) {
                if (!behind.contains(target)) continue;
                check();
                return;
            }
        }

        @Override
        public void visitCode() {
            super.visitCode();
            check();
        }

        @Override
        public void visitLabel(Label label) {
            behind.add(label);
            super.visitLabel(label);
        }

        @Override
        public void visitJumpInsn(int opcode, Label label) {
            checkBefore(label);
            super.visitJumpInsn(opcode, label);
        }

        @Override
        public void visitTableSwitchInsn(int min, int max, Label otherwise, Label... labels) {
            checkBefore(otherwise);
            checkBefore(labels);
            super.visitTableSwitchInsn(min, max, otherwise, labels);
        }

        @Override
        public void visitLookupSwitchInsn(Label otherwise, int[] keys, Label[] labels) {
            checkBefore(otherwise);
            checkBefore(labels);
            super.visitLookupSwitchInsn(otherwise, keys, labels);
        }

        @Override
        public void visitMethodInsn(int opcode, String owner, String name, String descriptor, boolean isInterface) {
            if (owner.equals("java/lang/System") && name.equals("exit")) {
                super.visitMethodInsn(Opcodes.INVOKESTATIC, GUARD, "exit", "(I)V", false);
            } else if (owner.equals("java/lang/Runtime") && name.equals("exit")) {
                super.visitMethodInsn(Opcodes.INVOKESTATIC, GUARD, "exit", "(Ljava/lang/Runtime;I)V", false);
            } else {
                super.visitMethodInsn(opcode, owner, name, descriptor, isInterface);
            }
        }

        @Override
        public void visitInvokeDynamicInsn(String name, String descriptor, Handle bootstrap, Object... arguments) {
            for (int i = 0; i < arguments.length; ++i) {
                if (!(arguments[i] instanceof Handle)) continue;
                Handle handle = (Handle) arguments[i];
                if (handle.getOwner().equals("java/lang/System") && handle.getName().equals("exit"))
                    arguments[i] = new Handle(Opcodes.H_INVOKESTATIC, GUARD, "exit", "(I)V", false);
            }
            super.visitInvokeDynamicInsn(name, descriptor, bootstrap, arguments);
        }
    }
}
