package osb.worker;

import java.awt.image.RenderedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Base64;
import javax.imageio.ImageIO;

/** Pictures as PNG, where the image has the module java.desktop. */
final class Picture {
    private Picture() {}

    /** In base64; null for what is no picture. */
    static String png(Object value) {
        try {
            if (!(value instanceof RenderedImage)) return null;
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            return ImageIO.write((RenderedImage) value, "png", bytes)
                ? Base64.getEncoder().encodeToString(bytes.toByteArray()) : null;
        } catch (IOException | RuntimeException | LinkageError impossible) {
            return null;
        }
    }
}
