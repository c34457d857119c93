// The bundle is committed: whoever builds it, wherever the checkout is, gets the same bytes. Numbers of modules would
// be made of absolute paths; names are relative to this directory, in which node_modules may be a link.
module.exports = {
  context: __dirname,
  resolve: { symlinks: false },
  resolveLoader: { symlinks: false },
  optimization: { moduleIds: 'named' }
};
