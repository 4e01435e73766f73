// Entry of every script: `node main.mjs NAME [arguments]`. It says what an old Node or Windows would fail at without
// words, so it uses nothing that they do not have.
const [, , name, ...rest] = process.argv;
const wanted = [20, 0];
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < wanted[0] || (major === wanted[0] && minor < wanted[1])) {
  console.error(
    `This is Node ${process.versions.node} (${process.execPath}); the scripts of this project need Node ${wanted[0]} or newer. Install one from nodejs.org, or with "nvm install 24", and try again.`,
  );
  process.exit(1);
} else if (process.platform === 'win32') {
  console.error(
    'The scripts of this project run on Linux and macOS. On Windows, clone it inside WSL and run them there.',
  );
  process.exit(1);
} else {
  process.argv = [process.argv[0], name, ...rest];
  import(`./${name}.mjs`).catch((error) => {
    console.error(error);
    process.exit(1);
  });
}
