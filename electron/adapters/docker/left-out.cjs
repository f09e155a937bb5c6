// Stands in the bundle for the packages that dockerode loads at its start though the app never calls them
// (electron.vite.config.ts): some 150 modules, a tenth of a second at each start, and a large part of the package.
module.exports = {};
