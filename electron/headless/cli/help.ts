const general = `lm-sandbox: run things in the sandbox, and manage it.

  lm-sandbox run [OPTIONS] [--] COMMAND…   one command: its streams, its exit code
  lm-sandbox exec [OPTIONS] [-- COMMAND…]  a shell, or a program, on this terminal
  lm-sandbox up                            starts the sandbox
  lm-sandbox down                          stops it
  lm-sandbox status                        what runs; ends with 0 when the sandbox is up
  lm-sandbox build                         builds the sandbox's image
  lm-sandbox logs                          the log of the container
  lm-sandbox chat [QUESTION…]              asks a model; without a question, a conversation
  lm-sandbox models                        lists, fetches, loads, unloads and deletes models
  lm-sandbox start                         opens the app
  lm-sandbox serve                         lets browsers in
  lm-sandbox completion SHELL              completion for bash, zsh or fish

Each takes --help, --json, and --data-folder DIR (~/.config/lm-sandbox, or what LM_SANDBOX_DATA_FOLDER names). Where no host runs, one
is started in the background; it ends by itself some minutes after it was needed last.

Exit codes: 0 done, 1 failed, 2 wrong usage. run and exec: that of the command; 124 after --timeout, 125 when it
could not be run.
`;

const ofVerbs: Readonly<Record<string, string>> = {
  run: `lm-sandbox run [OPTIONS] [--] COMMAND [ARGUMENT…]

Runs one command in the sandbox, its standard streams as they are, and ends with its exit code (128 + N after signal N).
Ctrl+C ends the command and all it started. No shell is in between: for pipes and variables write
  lm-sandbox run -- bash -c 'ls | wc -l'

  -w, --cwd DIR          folder inside; the workspace if not given
  -e, --env NAME=VALUE   one more variable; NAME alone hands on this one's; may be repeated
      --timeout TIME     ends it after 30, 90s, 5m or 1h; the exit code is then 124
      --no-stdin         an empty standard input, for loops that read their own
      --json             lines of JSON: {"type":"stdout","text":…} (or "base64"), at the end {"type":"exit","exitCode":…}
`,
  exec: `lm-sandbox exec [OPTIONS] [-- COMMAND [ARGUMENT…]]

A login shell in the sandbox on this terminal, or a program in its place. Ends with its exit code.

  -w, --cwd DIR          folder inside; the workspace if not given
  -e, --env NAME=VALUE   one more variable; may be repeated
      --timeout TIME     ends it after 30, 90s, 5m or 1h
`,
  chat: `lm-sandbox chat [OPTIONS] [QUESTION…]

Asks a model, and prints its answer as it comes. Without a question it is read from standard input; at a terminal a
conversation begins. Ctrl+C stops an answer.

  -m, --model NAME       NAME or RUNTIME/NAME; if not given, one that is loaded, or the only one
      --system TEXT      what the model is told first
      --temperature N    0 to 2
      --max-tokens N     at most so many
      --thinking         shows what it thinks, on standard error
      --keep             keeps the conversation in the app
`,
  models: `lm-sandbox models [list]
lm-sandbox models pull NAME
lm-sandbox models load|unload|delete NAME

Lists models, fetches one, brings it into memory or out of it, deletes it. NAME or RUNTIME/NAME. In a container Ollama
fetches; in the embedded sandbox the small models that \`lm-sandbox models\` names are fetched. Ctrl+C cancels.

      --insecure         the registry may be asked by plain HTTP
`,
  completion: `lm-sandbox completion bash|zsh|fish

Prints a script; its first lines say where it goes.
`,
  start: `lm-sandbox start [OPTIONS]

Opens the app, as npm start does, or lets browsers in where there is no display; npm start -- --help lists the options.

      --json             lines of JSON: {"type":"open","way":"window"} or as of serve, at the end {"type":"end","exitCode":…}
`,
  serve: `lm-sandbox serve [OPTIONS]

Lets browsers in, as npm start -- --serve does; npm start -- --help lists the options.

      --link             a new one-time link to the host that is running, and no more
      --json             lines of JSON: {"type":"open","way":"browser","origin":…,"url":…,"expiresAtMs":…,
                         "tunnelCommand":…}, at the end {"type":"end","exitCode":…}
`,
  up: `lm-sandbox up [OPTIONS]

Starts the sandbox where the settings say, and waits until commands can be run.

      --container        from now on in a container of Docker or Podman
      --embedded         from now on on this computer, without an engine
      --build            builds the image first
      --recreate         makes the container anew, from the newest image and settings
      --gpu all|none     for a container that is made
      --not-isolated     agrees that nothing isolates the embedded sandbox, where bubblewrap is missing
`,
  down: `lm-sandbox down [OPTIONS]

Stops the sandbox. The container, its volumes and the workspace stay.

      --host             also ends the host, where it runs in the background
`,
  status: `lm-sandbox status

What runs, and where. Ends with 0 when the sandbox is up, else with 1.
`,
  build: `lm-sandbox build [OPTIONS]

Builds the image of the container. Ctrl+C cancels it.

      --no-cache         every step anew
`,
  logs: `lm-sandbox logs [OPTIONS]

The log of the container.

  -f, --follow           goes on with what is written from now on
  -n, --lines N|all      so many of the last lines; 200 if not given
      --timestamps       with the time of each line
`,
};

/** Null for a verb that there is not. */
export function helpText(verb: string | null): string | null {
  if (verb === null) return general;
  return Object.hasOwn(ofVerbs, verb) ? (ofVerbs[verb] ?? null) : null;
}
