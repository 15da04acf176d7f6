/** The version of this library, as in its package. */
export const __version = "0.1.0";
