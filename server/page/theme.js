/* Before the first paint: the theme and the language that were chosen here. */
(function () {
    "use strict";
    var root = document.documentElement;
    try {
        var theme = localStorage.getItem("theme");
        if (theme === "dark" || theme === "light") {
            root.dataset.theme = theme;
        }
        var chosen = localStorage.getItem("language") || navigator.language || "en";
        root.lang = /^zh/i.test(chosen) ? "zh-CN" : "en";
    } catch (error) {
        root.lang = "en"; /* a browser that keeps nothing */
    }
})();
