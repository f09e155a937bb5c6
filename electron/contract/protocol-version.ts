/** Raised when frames or schemas change so that page and host of different versions cannot work together. */
export const protocolVersion = 1;
