// Applies the remembered theme before the first picture, so that a dark room stays dark.

try {
    if (localStorage.getItem("theme") === "light") document.documentElement.dataset.theme = "light";
} catch {
    // Without storage the page is dark.
}
