declare module 'tar-stream/headers.js' {
  interface Header {
    readonly name: string;
    readonly mode: number;
    readonly size: number;
    readonly mtime: Date;
    readonly linkname: string | null;
  }
  const headers: {
    /** null for a block of zeros; throws on a wrong checksum. */
    decode(block: Buffer, filenameEncoding: string, allowUnknownFormat: boolean): Header | null;
  };
  export default headers;
}
