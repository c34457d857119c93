/** What completion and hover tell about instructions, flags and the cell itself. */

export interface Entry {
  /** How it is written. */
  readonly form: string;
  readonly text: string;
}

const entry = (form: string, text: string): Entry => ({ form, text });

export const INSTRUCTIONS: ReadonlyMap<string, Entry> = new Map([
  ['FROM', entry('FROM [--platform=P] image [AS stage]', 'Starts a stage on the layers of an image. localhost/base needs no network; scratch has no layer.')],
  ['RUN', entry('RUN command', 'Runs a command in a container of the layers below; what it changes becomes one more read-only layer.')],
  ['COPY', entry('COPY source... target', 'Copies files of the build context, of another stage or of a here-document into a new layer.')],
  ['ADD', entry('ADD source... target', 'As COPY; also takes a URL, and unpacks a local tar archive.')],
  ['ENV', entry('ENV name=value ...', 'Sets variables for the instructions below and for every container of the image. Makes no layer.')],
  ['ARG', entry('ARG name[=default]', 'Declares a value that --build-arg can give. It is gone when the build ends, but the history names it: no place for secrets.')],
  ['WORKDIR', entry('WORKDIR path', 'The directory that the instructions below and containers start in. Makes a layer only when it creates the directory.')],
  ['USER', entry('USER user[:group]', 'Who runs the RUN instructions below and the containers of the image.')],
  ['CMD', entry('CMD ["program", "argument"]', 'What a container runs when nothing else is asked for; or the arguments of ENTRYPOINT. The last one counts.')],
  ['ENTRYPOINT', entry('ENTRYPOINT ["program", "argument"]', 'The program that a container always runs; CMD, or the words after the image, are its arguments.')],
  ['EXPOSE', entry('EXPOSE port[/tcp|/udp] ...', 'Says which ports the program listens on. It opens none.')],
  ['VOLUME', entry('VOLUME path ...', 'Directories whose content lives outside the container layer.')],
  ['LABEL', entry('LABEL name=value ...', 'Notes about the image for people and tools.')],
  ['STOPSIGNAL', entry('STOPSIGNAL signal', 'The signal that asks the container to end: SIGTERM if nothing is said.')],
  ['SHELL', entry('SHELL ["/bin/sh", "-c"]', 'What reads the commands of RUN, CMD and ENTRYPOINT that are not written as a JSON list.')],
  ['HEALTHCHECK', entry('HEALTHCHECK [options] CMD command', 'A command that tells whether a container works; NONE switches off that of the base.')],
  ['ONBUILD', entry('ONBUILD instruction', 'An instruction that is run later, at the beginning of each build that starts FROM this image.')],
  ['MAINTAINER', entry('MAINTAINER name', 'Who wrote it: an old form of LABEL org.opencontainers.image.authors=name.')]
]);

const OWNER: readonly [string, Entry] = ['--chown', entry('--chown=user[:group]', 'Who owns the copied files: names of the image or numbers. Root, if nothing is said.')];
const MODE: readonly [string, Entry] = ['--chmod', entry('--chmod=mode', 'Permissions of the copied files, e.g. 755 or u=rwX,go=rX.')];
const LINK: readonly [string, Entry] = ['--link', entry('--link', 'Makes the layer independent of those below it.')];
const EXCLUDE: readonly [string, Entry] = ['--exclude', entry('--exclude=pattern', 'Leaves out what matches. May be given again.')];

export const FLAGS: ReadonlyMap<string, ReadonlyMap<string, Entry>> = new Map([
  ['FROM', new Map([['--platform', entry('--platform=os/arch', 'Which of an image\'s platforms: linux/amd64, linux/arm64.')]])],
  [
    'RUN',
    new Map([
      ['--mount', entry('--mount=type=bind|cache|tmpfs|secret|ssh,...', 'Something that is there while the command runs and is left out of the layer.')],
      ['--network', entry('--network=default|none|host', 'Which network the command sees.')],
      ['--security', entry('--security=sandbox|insecure', 'How far the command is confined.')]
    ])
  ],
  [
    'COPY',
    new Map([
      ['--from', entry('--from=stage|image', 'Copies out of an earlier stage or another image instead of the build context.')],
      OWNER,
      MODE,
      LINK,
      ['--parents', entry('--parents', 'Keeps the directories of the source\'s path.')],
      EXCLUDE
    ])
  ],
  [
    'ADD',
    new Map([
      OWNER,
      MODE,
      LINK,
      EXCLUDE,
      ['--checksum', entry('--checksum=sha256:...', 'What the downloaded file must be.')],
      ['--keep-git-dir', entry('--keep-git-dir', 'Keeps the .git directory of a Git source.')],
      ['--unpack', entry('--unpack=true|false', 'Whether an archive is unpacked.')]
    ])
  ],
  [
    'HEALTHCHECK',
    new Map([
      ['--interval', entry('--interval=30s', 'Time between two checks.')],
      ['--timeout', entry('--timeout=30s', 'After that time a check has failed.')],
      ['--start-period', entry('--start-period=0s', 'Time to start in, in which a failure does not count.')],
      ['--start-interval', entry('--start-interval=5s', 'Time between two checks while it starts.')],
      ['--retries', entry('--retries=3', 'So many failures in a row mean unhealthy.')]
    ])
  ]
]);

export const MOUNT_TYPES: ReadonlyMap<string, Entry> = new Map([
  ['bind', entry('type=bind,source=..,target=..', 'Files of the build context or of a stage, read-only.')],
  ['cache', entry('type=cache,target=..', 'A directory that is kept from build to build and is in no layer.')],
  ['tmpfs', entry('type=tmpfs,target=..', 'An empty directory in memory.')],
  ['secret', entry('type=secret,id=..', 'A file that only this command sees.')],
  ['ssh', entry('type=ssh', 'The SSH agent of the caller.')]
]);

export const DIRECTIVES: ReadonlyMap<string, Entry> = new Map([
  ['syntax', entry('# syntax=docker/dockerfile:1', 'Names the front end that other builders load for this Dockerfile.')],
  ['escape', entry('# escape=`', 'The character that continues a line: \\ or `.')],
  ['check', entry('# check=skip=...;error=true', 'Which rules the checks leave out, and whether a warning is an error.')]
]);

export const VERBS: ReadonlyMap<string, Entry> = new Map([
  ['', entry('%%container [options]', 'Builds the Dockerfile; below a line --- stands a script that then runs in a new container of the image.')],
  ['build', entry('%%container build [options] [CONTEXT]', 'Builds an image; the body is the Dockerfile.')],
  ['check', entry('%%container check', 'Checks the Dockerfile of the body and builds nothing.')],
  ['run', entry('%%container run [options] IMAGE', 'Runs the body, a script, in a new container.')],
  ['exec', entry('%%container exec [options] CONTAINER', 'Runs the body, a script, in a container that was kept.')]
]);

export const BASES: ReadonlyMap<string, Entry> = new Map([
  ['localhost/base', entry('FROM localhost/base', 'Shell, core tools and their libraries, made from this machine: needs no network.')],
  ['localhost/python', entry('FROM localhost/python', 'localhost/base with the notebook\'s own Python and its standard library.')],
  ['scratch', entry('FROM scratch', 'An image with no layer.')]
]);

export const SEPARATOR = entry('---', 'Ends the Dockerfile. Below stands the script that runs in the new container, read by /bin/sh unless #! or --interp says otherwise.');
export const OPTION_LINE = entry('# dockmagic: [options]', 'More options for the magic line; taken out before the Dockerfile is read.');
export const HEREDOC = entry('<<[-]WORD', 'The lines below, up to WORD alone on a line, are the content. A quoted WORD leaves variables as they are; <<- drops leading tabs.');
