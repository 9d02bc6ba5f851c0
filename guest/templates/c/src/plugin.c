/* my-plugin: an OVN plugin for Octavia's protocols TCP and HTTPS, written in C.
 *
 * The host asks five questions (wit/about.wit, wit/protocol.wit); the functions at the end answer them. Everything here is
 * pure: the same question has the same answer. There is no file, no socket, no clock and no random number, and nothing is
 * kept from one call to the next, since each call runs in a fresh copy of this program.
 *
 * Memory: an answer's lists and texts are freed by the bindings after the call, so each of them is allocated (`copy`,
 * `join`, `take`), never a literal. What a call was asked with need not be freed: the program ends with the call.
 */
#include <stdlib.h>
#include <string.h>

#include "protocol_plugin.h"

/* Shorter names for the types of the interface. */
typedef protocol_plugin_string_t text;
typedef weir_plugin_types_context_t context;
typedef weir_plugin_types_vip_t vip;
typedef weir_plugin_types_listener_t listener;
typedef weir_plugin_types_pool_t pool;
typedef weir_plugin_types_member_t member;
typedef weir_plugin_types_pairs_t pairs;
typedef weir_plugin_types_refusal_t refusal;
typedef exports_weir_plugin_protocol_translation_t translation;
typedef exports_weir_plugin_protocol_entry_t entry;
typedef exports_weir_plugin_protocol_backend_t backend;
typedef exports_weir_plugin_protocol_list_member_t members;
typedef exports_weir_plugin_protocol_list_share_t shares;

/* Octavia's words, as in `listener.protocol` and `pool.protocol`. Nobody reads what is in a connection: they mean the same. */
static const char *const PROTOCOLS[] = {"TCP", "HTTPS", NULL};
#define ALL_PROTOCOLS "TCP or HTTPS"
/* The Northbound's word, as in `Load_Balancer.protocol`. */
#define TRANSPORT "tcp"
/* Octavia's kind of health monitor that OVN can run for this transport. */
#define MONITOR "TCP"

/* What needs somebody who reads what is inside a connection. OVN does not. A trailing * stands for any ending. */
static const char *const LISTENER_REFUSED[] = {
    "alpn_protocols", "client_authentication", "client_ca_tls_container_ref", "client_crl_container_ref",
    "default_tls_container_ref", "hsts_*", "insert_headers", "l7policies", "sni_container_refs", "tls_*", NULL,
};
/* What needs somebody who counts or times connections, with Octavia's defaults. */
static const struct {
  const char *key, *normal, *field, *code;
} LISTENER_LIMITS[] = {
    {"connection_limit", "-1", "listener.connection_limit", "unsupported-connection-limit"},
    {"timeout_client_data", "50000", "listener.timeout_client_data", "unsupported-timeout-client-data"},
    {"timeout_member_connect", "5000", "listener.timeout_member_connect", "unsupported-timeout-member-connect"},
    {"timeout_member_data", "50000", "listener.timeout_member_data", "unsupported-timeout-member-data"},
    {"timeout_tcp_inspect", "0", "listener.timeout_tcp_inspect", "unsupported-timeout-tcp-inspect"},
};
static const char *const POOL_REFUSED[] = {
    "alpn_protocols", "ca_tls_container_ref", "crl_container_ref", "tls_*", NULL,
};
/* OVN's health checks probe the member itself. */
static const char *const MEMBER_REFUSED[] = {"monitor_address", "monitor_port", NULL};
/* They open a connection and ask nothing. */
static const char *const MONITOR_REFUSED[] = {
    "domain_name", "expected_codes", "http_method", "http_version", "url_path", NULL,
};
/* OVN counts milliseconds and probes in 31 bits. */
#define MOST_SECONDS 2147483
#define MOST_PROBES 2147483647
/* What the user turned off may be passed all the same. */
static const char *const NOT_ASKED[] = {"", "false", "False", "null", "[]", "{}", NULL};

/* ---- texts ---- */

/* Memory for `count` things. Out of memory ends the call; the host says so. An empty list needs none. */
static void *take(size_t count, size_t size) {
  void *found = count == 0 ? NULL : calloc(count, size);
  if (found == NULL && count != 0) {
    static uint8_t said[] = "out of memory";
    text line = {said, sizeof said - 1};
    weir_plugin_log_write(WEIR_PLUGIN_LOG_LEVEL_ERROR, &line);
    __builtin_trap();
  }
  return found;
}

static text view(const char *literal) {
  text t = {(uint8_t *)literal, strlen(literal)};
  return t;
}

/* One text of several, up to an empty end: join((text[]){a, b, END}). */
#define END ((text){NULL, 0})
static text join(const text *parts) {
  text whole = END;
  for (const text *part = parts; part->ptr != NULL; part++) whole.len += part->len;
  uint8_t *at = whole.ptr = take(whole.len, 1);
  for (const text *part = parts; part->ptr != NULL; part++) {
    memcpy(at, part->ptr, part->len);
    at += part->len;
  }
  return whole;
}

static text copy(const char *literal) { return join((text[]){view(literal), END}); }

/* A text of the host's that stands inside a `join`: an empty one must not end it. */
static text inside(text t) { return t.len == 0 ? view("") : t; }

static bool is(text t, const char *literal) {
  return t.len == strlen(literal) && memcmp(t.ptr, literal, t.len) == 0;
}

static bool among(text t, const char *const *literals) {
  for (; *literals != NULL; literals++) {
    size_t len = strlen(*literals);
    bool any = len > 0 && (*literals)[len - 1] == '*';
    if (any ? t.len >= len - 1 && memcmp(t.ptr, *literals, len - 1) == 0 : is(t, *literals)) return true;
  }
  return false;
}

/* Whether `word` is one of the words of `t`, which have spaces between them. */
static bool has_word(text t, const char *word) {
  for (size_t from = 0, at = 0; at <= t.len; at++) {
    if (at < t.len && t.ptr[at] != ' ') continue;
    text one = {t.ptr + from, at - from};
    if (is(one, word)) return true;
    from = at + 1;
  }
  return false;
}

static text number_text(uint32_t number) {
  uint8_t digits[10];
  size_t at = sizeof digits;
  do digits[--at] = '0' + number % 10;
  while ((number /= 10) > 0);
  text found = {digits + at, sizeof digits - at};
  return join((text[]){found, END});
}

/* The value of a key, or NULL. */
static const text *value_of(const pairs *all, const char *key) {
  for (size_t i = 0; i < all->len; i++) {
    if (is(all->ptr[i].f0, key)) return &all->ptr[i].f1;
  }
  return NULL;
}

/* ---- refusals ---- */

/* Why a user's wish is not carried out: a stable code, the field in Octavia's words, a sentence for the user. False, so
 * that a function that refuses can end with it. */
static bool refuse(refusal *why, text code, text field, text user) {
  why->code = code;
  why->field = field;
  why->user = user;
  why->operator_ = END;
  return false;
}

/* The code of an attribute that is not supported: unsupported-monitor-port of monitor_port. */
static text unsupported(text key) {
  text code = join((text[]){view("unsupported-"), inside(key), END});
  for (size_t i = 0; i < code.len; i++) {
    if (code.ptr[i] == '_') code.ptr[i] = '-';
  }
  return code;
}

static bool extra_is_good(const char *what, const pairs *extra, const char *const *refused, refusal *why) {
  for (size_t i = 0; i < extra->len; i++) {
    text key = extra->ptr[i].f0;
    if (!among(key, refused) || among(extra->ptr[i].f1, NOT_ASKED)) continue;
    return refuse(why, unsupported(key), join((text[]){view(what), view("."), inside(key), END}),
                  join((text[]){view("OVN forwards connections without reading them, so it cannot honour "), inside(key),
                                view(" of a "), view(what), view("; leave it unset"), END}));
  }
  return true;
}

/* What would have no effect is refused, but for what the load balancer has had since another version accepted it. */
static bool limits_are_good(const context *ctx, const listener *of, refusal *why) {
  const text *inherited = value_of(&ctx->extra, "inherited");
  for (size_t i = 0; i < sizeof LISTENER_LIMITS / sizeof *LISTENER_LIMITS; i++) {
    const text *asked = value_of(&of->extra, LISTENER_LIMITS[i].key);
    if (asked == NULL || is(*asked, LISTENER_LIMITS[i].normal)) continue;
    if (inherited != NULL && has_word(*inherited, LISTENER_LIMITS[i].field)) continue;
    refuse(why, copy(LISTENER_LIMITS[i].code), copy(LISTENER_LIMITS[i].field),
           join((text[]){view("OVN neither counts nor times connections, so it cannot honour a "),
                         view(LISTENER_LIMITS[i].key), view(" of "), inside(*asked),
                         view("; leave it at Octavia's default, "), view(LISTENER_LIMITS[i].normal), END}));
    return false;
  }
  return true;
}

static bool listener_is_good(const context *ctx, const listener *of, refusal *why) {
  if (!among(of->protocol, PROTOCOLS)) {
    return refuse(why, copy("unsupported-protocol"), copy("listener.protocol"),
                  join((text[]){view("OVN cannot translate here a listener of "), inside(of->protocol),
                                view("; choose " ALL_PROTOCOLS), END}));
  }
  if (of->port == 0) {
    return refuse(why, copy("invalid-port"), copy("listener.protocol_port"), copy("a listener needs a port above 0"));
  }
  return extra_is_good("listener", &of->extra, LISTENER_REFUSED, why) && limits_are_good(ctx, of, why);
}

/* `from` is the pool's listener, or NULL. */
static bool pool_is_good(const pool *of, const listener *from, refusal *why) {
  if (!among(of->protocol, PROTOCOLS)) {
    return refuse(why, copy("protocol-mismatch"), copy("pool.protocol"),
                  join((text[]){view("OVN cannot forward "), from != NULL ? inside(from->protocol) : view(ALL_PROTOCOLS),
                                view(" to a pool of "), inside(of->protocol),
                                view("; choose a pool of " ALL_PROTOCOLS), END}));
  }
  return extra_is_good("pool", &of->extra, POOL_REFUSED, why);
}

static bool member_is_good(const context *ctx, const member *of, refusal *why) {
  for (const char *const *key = MEMBER_REFUSED; *key != NULL; key++) {
    for (size_t i = 0; i < of->extra.len; i++) {
      if (!is(of->extra.ptr[i].f0, *key)) continue;
      return refuse(why, unsupported(view(*key)), join((text[]){view("member."), view(*key), END}),
                    join((text[]){view("OVN checks a member at its own address and port, not at "),
                                  inside(of->extra.ptr[i].f1), view("; leave "), view(*key), view(" of member "),
                                  inside(of->address), view(" unset"), END}));
    }
  }
  bool fixed = false, same = false;
  for (size_t i = 0; i < ctx->vips.len; i++) {
    if (ctx->vips.ptr[i].floating) continue;
    fixed = true;
    same = same || ctx->vips.ptr[i].family == of->family;
  }
  if (fixed && !same) {
    return refuse(why, copy("ip-version-mismatch"), copy("member.address"),
                  join((text[]){view("no VIP of the load balancer has the IP version of member "), inside(of->address),
                                view("; OVN cannot translate between IPv4 and IPv6, so choose a member of the VIP's version"),
                                END}));
  }
  if (of->port == 0) {
    return refuse(why, copy("invalid-port"), copy("member.protocol_port"), copy("a member needs a port above 0"));
  }
  return true;
}

/* ---- translation ---- */

/* Each member's copies, zero for one that gets no connections. */
static uint16_t *copies_of(const members *all, const shares *given) {
  uint16_t *copies = take(all->len, sizeof *copies);
  for (size_t i = 0; i < given->len; i++) {
    uint32_t index = given->ptr[i].member;
    if (index < all->len && all->ptr[index].enabled && all->ptr[index].port != 0) copies[index] = given->ptr[i].copies;
  }
  return copies;
}

/* The members behind a VIP: enabled, with a share, of its IP version. They are named by index. */
static exports_weir_plugin_protocol_list_backend_t backends(const vip *at, const members *all, const uint16_t *copies) {
  exports_weir_plugin_protocol_list_backend_t found = {NULL, 0};
  /* OVN has floating IPs for IPv4 only. */
  if (at->floating && at->family == WEIR_PLUGIN_TYPES_FAMILY_IPV6) return found;
  size_t count = 0;
  for (size_t i = 0; i < all->len; i++) count += copies[i] > 0 && all->ptr[i].family == at->family;
  found.ptr = take(count, sizeof *found.ptr);
  for (size_t i = 0; i < all->len; i++) {
    if (copies[i] == 0 || all->ptr[i].family != at->family) continue;
    found.ptr[found.len++] = (backend){.member = i, .port = all->ptr[i].port, .copies = copies[i]};
  }
  return found;
}

/* The host takes an answer without backends for a failure, unless it is told why. */
static const char *why_empty(const context *ctx, const members *all, const uint16_t *copies) {
  bool enabled = false, share = false;
  for (size_t i = 0; i < all->len; i++) {
    enabled = enabled || all->ptr[i].enabled;
    share = share || copies[i] > 0;
  }
  if (ctx->vips.len == 0) return "the load balancer has no VIP";
  if (all->len == 0) return "the pool has no members";
  if (!enabled) return "all members are disabled";
  if (!share) return "no enabled member has a share of the connections";
  return "no usable member has the IP version of a VIP";
}

/* ---- the questions ---- */

void exports_weir_plugin_about_describe(weir_plugin_types_description_t *ret) {
  memset(ret, 0, sizeof *ret);
  ret->name = copy("my-plugin");
  ret->version = copy("0.1.0");
  ret->protocols.ptr = take(sizeof PROTOCOLS / sizeof *PROTOCOLS, sizeof *ret->protocols.ptr);
  for (const char *const *word = PROTOCOLS; *word != NULL; word++) ret->protocols.ptr[ret->protocols.len++] = copy(*word);
  /* Also asked for the transport of a load balancer without listeners. */
  ret->fallback = true;
  /* config_schema: JSON Schema of a configuration. options: keys of Load_Balancer.options that translate may set. */
}

bool exports_weir_plugin_about_check_config(text *config, refusal *err) {
  if (config->len == 0) return true;
  return refuse(err, copy("unexpected-config"), copy("config"), copy("this plugin takes no configuration"));
}

/* True: `ret` is the answer. False: `err` says why not. */
bool exports_weir_plugin_protocol_translate(context *ctx, listener *of, pool *with, members *all, shares *given,
                                            translation *ret, refusal *err) {
  memset(ret, 0, sizeof *ret);
  /* Any part may be absent; what is there is judged all the same. */
  if (of != NULL && !listener_is_good(ctx, of, err)) return false;
  if (with != NULL && !pool_is_good(with, of, err)) return false;

  const char *reason = NULL;
  if (of == NULL) reason = "there is no listener";
  else if (with == NULL) reason = "the listener has no pool";
  else if (!of->enabled) reason = "the listener is disabled";
  else if (!with->enabled) reason = "the pool is disabled";
  else {
    uint16_t *copies = copies_of(all, given);
    ret->entries.ptr = take(ctx->vips.len, sizeof *ret->entries.ptr);
    for (size_t i = 0; i < ctx->vips.len; i++) {
      exports_weir_plugin_protocol_list_backend_t behind = backends(&ctx->vips.ptr[i], all, copies);
      if (behind.len == 0) continue;
      ret->entries.ptr[ret->entries.len++] = (entry){.vip = i, .port = of->port, .backends = behind};
    }
    if (ret->entries.len == 0) reason = why_empty(ctx, all, copies);
  }
  ret->transport = copy(TRANSPORT);
  ret->empty_reason.is_some = reason != NULL;
  if (reason != NULL) ret->empty_reason.val = copy(reason);
  return true;
}

/* Every bad member at once: its index, and why. */
void exports_weir_plugin_protocol_check_members(context *ctx, pool *with, members *all,
                                                exports_weir_plugin_protocol_list_tuple2_u32_refusal_t *ret) {
  (void)with;
  ret->ptr = take(all->len, sizeof *ret->ptr);
  ret->len = 0;
  for (size_t i = 0; i < all->len; i++) {
    if (member_is_good(ctx, &all->ptr[i], &ret->ptr[ret->len].f1)) continue;
    ret->ptr[ret->len++].f0 = i;
  }
}

bool exports_weir_plugin_protocol_plan_monitor(context *ctx, pool *with, weir_plugin_types_monitor_t *monitor,
                                               exports_weir_plugin_protocol_health_check_t *ret, refusal *err) {
  (void)ctx;
  if (!pool_is_good(with, NULL, err)) return false;
  if (!is(monitor->kind, MONITOR)) {
    return refuse(err, copy("unsupported-monitor-type"), copy("healthmonitor.type"),
                  join((text[]){view("OVN cannot check the members of a pool of "), inside(with->protocol), view(" by "),
                                inside(monitor->kind), view("; choose " MONITOR), END}));
  }
  for (const char *const *key = MONITOR_REFUSED; *key != NULL; key++) {
    const text *asked = value_of(&monitor->extra, *key);
    if (asked == NULL) continue;
    return refuse(err, unsupported(view(*key)), join((text[]){view("healthmonitor."), view(*key), END}),
                  join((text[]){view("OVN checks by "), inside(monitor->kind),
                                view(" and asks a member nothing, so it cannot honour a "), view(*key), view(" of "),
                                inside(*asked), view("; leave it unset"), END}));
  }
  const struct {
    const char *name;
    const char *code;
    uint32_t number, most;
  } numbers[] = {
      {"delay", "invalid-monitor-delay", monitor->delay_s, MOST_SECONDS},
      {"timeout", "invalid-monitor-timeout", monitor->timeout_s, MOST_SECONDS},
      {"max_retries", "invalid-monitor-max-retries", monitor->rise, MOST_PROBES},
      {"max_retries_down", "invalid-monitor-max-retries-down", monitor->fall, MOST_PROBES},
  };
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    if (numbers[i].number >= 1 && numbers[i].number <= numbers[i].most) continue;
    return refuse(err, copy(numbers[i].code), join((text[]){view("healthmonitor."), view(numbers[i].name), END}),
                  join((text[]){view("OVN cannot check members with a "), view(numbers[i].name), view(" of "),
                                number_text(numbers[i].number), view("; choose 1 to "), number_text(numbers[i].most), END}));
  }
  ret->interval_s = monitor->delay_s;
  ret->timeout_s = monitor->timeout_s;
  ret->success = monitor->rise;
  ret->failure = monitor->fall;
  return true;
}
