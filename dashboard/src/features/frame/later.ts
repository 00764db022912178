/**
 * What loads after the first view, as one script: each further script would cut the first one into more and larger parts.
 */

export { CardMore } from "../incidents/card-more";
export { Notifier } from "../notifications/notifier";
export { SearchBox } from "../search/search";
export { MoreViews } from "./more-views";
export { Wall } from "./wall";
