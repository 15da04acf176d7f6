import * as IVSBroadcastClient from "./names.js";

export * from "./names.js";
export default IVSBroadcastClient;
