import "./account.js";
import "./email.js";
import "./experiments.js";
import "./sign_in.js";
import "./timeline.js";
import "./token.js";
import { auth } from "./servers.js";
import { followSignInLink } from "./sign_in_link.js";
import { show } from "./view.js";

auth.subscribe(show);
await followSignInLink();
show(auth.state);
