/** The keyboards that text can be typed with, by the id that the page's list gives them. */
import br from "./br.js";
import ch from "./ch.js";
import de from "./de.js";
import es from "./es.js";
import fr from "./fr.js";
import gb from "./gb.js";
import it from "./it.js";
import jp from "./jp.js";
import se from "./se.js";
import us from "./us.js";

/** @type {Record<string, import("../strokes.js").Layout>} */
export const LAYOUTS = { us, gb, de, fr, es, it, br, se, ch, jp };
