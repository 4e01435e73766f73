/** docker-modem's own transport, which its types leave out: `http` and `https`, each with a `request`. */
declare module 'docker-modem/lib/http.js' {
  const transports: { http: { request: unknown }; https: { request: unknown } };
  export default transports;
}
