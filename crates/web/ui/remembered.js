// What the browser remembers for the next visit. Some do not allow it; then it lasts as long as the page.

export const remembered = {
    /** @param {string} name */
    get(name) {
        try {
            return localStorage.getItem(name);
        } catch {
            return null;
        }
    },

    /**
     * @param {string} name
     * @param {string} value
     */
    set(name, value) {
        try {
            localStorage.setItem(name, value);
        } catch {
            // It is not important enough to bother anybody.
        }
    },
};
