/* Starts whichever of the two viewers the page has loaded. */
(function () {
  "use strict";
  const place = document.getElementById("api-docs");
  if (window.SwaggerUIBundle) {
    window.SwaggerUIBundle({
      url: place.dataset.openapi,
      domNode: place,
      deepLinking: true,
      validatorUrl: null,
      defaultModelsExpandDepth: 0,
      tryItOutEnabled: true,
    });
  } else if (window.Redoc) {
    window.Redoc.init(
      place.dataset.openapi,
      { hideDownloadButton: true, scrollYOffset: ".api-bar", theme: { colors: { primary: { main: "#066fd1" } } } },
      place
    );
  }
})();
