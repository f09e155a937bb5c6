// The package's own types declare a module of its original name, which only a reference brings in.
// eslint-disable-next-line @typescript-eslint/triple-slash-reference
/// <reference path="../../../node_modules/node-pty/node-pty.d.ts" />

/** The package is @lydell/node-pty under the name node-pty: the same sources with prebuilt binaries. */
declare module 'node-pty' {
  export * from '@lydell/node-pty';
}

declare module '@lydell/node-pty' {
  interface IPty {
    /** Its types say string only; the code hands a Buffer to the same file descriptor. */
    write(data: Buffer): void;
  }
}
