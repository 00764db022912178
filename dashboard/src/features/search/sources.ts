/** Where a search looks: the kinds of things, the request that finds each kind, and the page's address of each thing. */

import { ApiError, request } from "../../lib/api/client";
import type { AlertPage, Call, ErrorGroupPage, IncidentPage, RulePage, SystemMetrics } from "../../lib/api/types";
import { linkTo } from "../../lib/route";

/** The runbooks that the build rendered, and their titles, as a list in JSON. */
declare const RUNBOOKS: string;

export interface Hit {
  name: string;
  about: string;
  link: string;
}

/** What was found of one kind; `problem` says why it is not known. */
export interface Found {
  kind: string;
  hits: Hit[];
  hasMore: boolean;
  problem: string | null;
}

export const LEAST_CHARACTERS = 2;
export const MOST_CHARACTERS = 200;
const SHOWN = 5;
const EVENT_ID = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;
// An id has a digit and no space; what cannot be one is not asked for.
const MAYBE_ID = /^(?=.*\d)\S+$/;

type Look = (text: string) => Promise<Pick<Found, "hits" | "hasMore">>;

/**
 * A function that looks for a text among all kinds at once. A kind that fails hides no other one.
 *
 * A text is one request for each of five kinds at most: all texts share the list of routes, and runbooks need no request.
 */
export function startSearch(): (text: string) => Promise<Found[]> {
  let routes: Promise<SystemMetrics> | null = null;
  const loadRoutes = () => {
    routes ??= request<SystemMetrics>("/api/metrics/system").catch((error: unknown) => {
      routes = null;
      throw error;
    });
    return routes;
  };
  const kinds: [string, Look][] = [
    ["Calls", findCall],
    ["Incidents", findIncidents],
    ["Errors", findErrors],
    ["Alerts", findAlerts],
    ["Rules", findRules],
    ["Routes", async (text) => findRoutes(await loadRoutes(), text)],
    ["Runbooks", findRunbooks],
  ];
  return (text) => lookInAll(kinds, text);
}

function lookInAll(kinds: [string, Look][], text: string): Promise<Found[]> {
  return Promise.all(
    kinds.map(async ([kind, look]) => {
      try {
        return { kind, ...(await look(text)), problem: null };
      } catch (error) {
        const problem = error instanceof ApiError ? error.message : String(error);
        return { kind, hits: [], hasMore: false, problem };
      }
    }),
  );
}

function ask<T>(path: string, text: string): Promise<T> {
  return request<T>(`${path}?${new URLSearchParams({ q: text, limit: String(SHOWN) })}`);
}

async function findCall(text: string) {
  if (!MAYBE_ID.test(text)) return { hits: [], hasMore: false };
  try {
    const call = await request<Call>(`/api/calls/${encodeURIComponent(text)}`);
    const id = call.id ?? text;
    return { hits: [{ name: id, about: "call", link: linkTo(`calls/${encodeURIComponent(id)}`) }], hasMore: false };
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return { hits: [], hasMore: false };
    throw error;
  }
}

async function findIncidents(text: string) {
  const page = await ask<IncidentPage>("/api/incidents", text);
  const hits = page.items.map(({ id, sentence, level, state }) => ({
    name: sentence,
    about: `${level}, ${state}`,
    link: linkTo(`incidents/${id}`),
  }));
  return { hits, hasMore: page.next_cursor !== null };
}

async function findErrors(text: string) {
  const page = await ask<ErrorGroupPage>("/api/errors", text);
  const event = EVENT_ID.test(text) ? text.replaceAll("-", "").toLowerCase() : "";
  const hits = page.items.map(({ id, title, severity, state, environment }) => ({
    name: title,
    about: `${severity}, ${state}, ${environment}`,
    link: linkTo(`errors/${id}`, { event }),
  }));
  return { hits, hasMore: page.next_cursor !== null };
}

async function findAlerts(text: string) {
  const page = await ask<AlertPage>("/api/alerts", text);
  const hits = page.items.map(({ id, title, message, level, state }) => ({
    name: `${title}: ${message}`,
    about: `${level}, ${state}`,
    link: linkTo(`alerts/${id}`),
  }));
  return { hits, hasMore: page.next_cursor !== null };
}

async function findRules(text: string) {
  const page = await ask<RulePage>("/api/rules", text);
  const hits = page.items.map(({ id, name, state }) => ({ name, about: state, link: linkTo("rules", { q: id }) }));
  return { hits, hasMore: page.next_cursor !== null };
}

/** Routes with traffic. */
function findRoutes({ api }: SystemMetrics, text: string) {
  if (api.by_route === null) throw new ApiError(0, "the routes are not known");
  const found = api.by_route.map(({ route }) => route).filter((route) => includes(route, text));
  return cut(
    found.map((route) => ({ name: route, about: "last 5 minutes", link: linkTo("explore", { kind: "route", name: route }) })),
  );
}

async function findRunbooks(text: string) {
  const runbooks: { page: string; title: string }[] = JSON.parse(RUNBOOKS);
  const found = runbooks.filter(({ page, title }) => includes(title, text) || includes(page, text));
  return cut(found.map(({ page, title }) => ({ name: title, about: page, link: linkTo(`runbooks/${page}`) })));
}

function includes(where: string, text: string): boolean {
  return where.toLowerCase().includes(text.toLowerCase());
}

function cut(hits: Hit[]) {
  return { hits: hits.slice(0, SHOWN), hasMore: hits.length > SHOWN };
}
