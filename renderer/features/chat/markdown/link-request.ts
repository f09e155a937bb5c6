import { createContext } from 'react';

/** Called when a person wants to follow a link of an answer; nothing is opened without asking. */
export const LinkRequestContext = createContext<(url: URL) => void>(() => undefined);
