/**
 * Put into a page to type into its terminal and to see when something was drawn. The same code runs in the app and
 * in the bare page; both draw with the DOM renderer, so a changed row is what a person sees in that frame.
 */
export function installProbe() {
  const shown = () => {
    const screens = [...document.querySelectorAll('.xterm')].filter((element) => element.clientWidth > 0);
    const screen = screens[0];
    if (!screen) throw new Error('No terminal is shown.');
    const rows = screen.querySelector('.xterm-rows');
    const input = screen.querySelector('textarea');
    if (!rows || !input) throw new Error('The terminal has no rows.');
    return { screen, rows, input };
  };

  const type = (text) => {
    shown().input.dispatchEvent(
      new InputEvent('input', {
        data: text,
        inputType: 'insertText',
        composed: false,
        bubbles: true,
        cancelable: true,
      }),
    );
  };

  /** Resolves with the time of the frame in which `test` holds of the rows' text. */
  const until = (test, limitMs = 60_000) =>
    new Promise((resolve, reject) => {
      const { rows } = shown();
      const timer = setTimeout(() => {
        observer.disconnect();
        reject(new Error(`Not shown in ${limitMs} ms: ${rows.textContent.trim().slice(-300)}`));
      }, limitMs);
      const look = () => {
        if (!test(rows.textContent)) return;
        observer.disconnect();
        clearTimeout(timer);
        resolve(performance.now());
      };
      const observer = new MutationObserver(look);
      observer.observe(rows, { subtree: true, childList: true, characterData: true });
      look();
    });

  const run = async (command, marker) => {
    // What is typed before a shell has set up its line editor can be thrown away by it.
    await until((text) => text.includes('$'));
    const begun = performance.now();
    type(`\u0015${command}\r`);
    const ended = await until((text) => text.includes(marker), 120_000);
    return ended - begun;
  };

  /** Milliseconds from a key to its echo on the screen, for each of `count` keys. */
  const echo = async (count, pauseMs) => {
    const times = [];
    type('\u0015');
    await new Promise((resolve) => setTimeout(resolve, 100));
    const letters = 'abcdefghijklmnopqrstuvwxyz';
    let typed = '';
    for (let index = 0; index < count; index += 1) {
      const letter = letters[index % letters.length];
      typed += letter;
      const wanted = typed;
      const begun = performance.now();
      type(letter);
      const ended = await until((text) => text.includes(wanted), 20_000);
      times.push(ended - begun);
      if (typed.length === letters.length) {
        typed = '';
        type('\u0015');
        await until((text) => !text.includes(letters), 20_000);
      }
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    type('\u0015');
    return times;
  };

  /** Types Ctrl-C and gives the milliseconds until the last change of the screen. */
  const interrupt = async (quietMs) => {
    const { rows } = shown();
    const begun = performance.now();
    let last = begun;
    const observer = new MutationObserver(() => {
      last = performance.now();
    });
    observer.observe(rows, { subtree: true, childList: true, characterData: true });
    type('\u0003');
    while (performance.now() - Math.max(last, begun) < quietMs) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      if (performance.now() - begun > 20_000) break;
    }
    observer.disconnect();
    return last - begun;
  };

  const size = () => {
    const { rows } = shown();
    return { rows: rows.children.length };
  };

  window.benchProbe = { type, until, run, echo, interrupt, size };
}
