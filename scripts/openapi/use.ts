// Compiles only if the generated types have the calls, bodies and responses of the documents.
import type { components as Api } from "./api.js";
import type { components, operations, paths } from "./auth.js";

type Body<Operation> = Operation extends { requestBody: { content: { "application/json": infer Json } } } ? Json : never;

export const login: Body<operations["log_in"]> = { email: "ann@example.org", password: "seven lemons under a bridge" };
// @ts-expect-error: a login requires a password
export const incomplete: Body<operations["log_in"]> = { email: "ann@example.org" };

export const user = (tokens: components["schemas"]["Tokens"]): string => tokens.user.email;
export const code = (problem: components["schemas"]["Problem"]): string => problem.code;
export const greeting = (response: Api["schemas"]["Greeting"]): string => response.message;
export type Limit = NonNullable<paths["/auth/sessions"]["get"]["parameters"]["query"]>["limit"];
