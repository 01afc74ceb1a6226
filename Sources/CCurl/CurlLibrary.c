#define _GNU_SOURCE
#include "CCurl.h"
#include <dlfcn.h>
#include <pthread.h>

// curl.h makes macros of these, which check the types of their arguments; here the functions themselves are wanted.
#undef curl_easy_getinfo
#undef curl_easy_setopt

#define FUNCTIONS(each)                                                                                               \
  each(global_init) each(easy_init) each(easy_reset) each(easy_cleanup) each(easy_pause) each(easy_strerror)          \
  each(easy_setopt) each(easy_getinfo) each(multi_init) each(multi_cleanup) each(multi_add_handle)                    \
  each(multi_remove_handle) each(multi_perform) each(multi_poll) each(multi_wakeup) each(multi_info_read)             \
  each(slist_append) each(slist_free_all)

static struct {
#define MEMBER(name) __typeof__(&curl_##name) name;
  FUNCTIONS(MEMBER)
} curl;

static const char *failure;

static void load(void) {
  // The name has been the same since 2006; Debian's and Ubuntu's libcurl with OpenSSL.
  void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    failure = dlerror();
    return;
  }
#define FIND(name)                                                                                                    \
  if ((curl.name = (__typeof__(curl.name))dlsym(library, "curl_" #name)) == NULL) failure = dlerror();
  FUNCTIONS(FIND)
}

const char *ccurl_load(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load);
  return failure;
}

CURLcode ccurl_global_init(long flags) { return curl.global_init(flags); }

CURL *ccurl_easy_init(void) { return curl.easy_init(); }
void ccurl_easy_reset(CURL *handle) { curl.easy_reset(handle); }
void ccurl_easy_cleanup(CURL *handle) { curl.easy_cleanup(handle); }
CURLcode ccurl_easy_pause(CURL *handle, int bitmask) { return curl.easy_pause(handle, bitmask); }
const char *ccurl_easy_strerror(CURLcode code) { return curl.easy_strerror(code); }

CURLM *ccurl_multi_init(void) { return curl.multi_init(); }
CURLMcode ccurl_multi_cleanup(CURLM *multi) { return curl.multi_cleanup(multi); }
CURLMcode ccurl_multi_add_handle(CURLM *multi, CURL *handle) { return curl.multi_add_handle(multi, handle); }
CURLMcode ccurl_multi_remove_handle(CURLM *multi, CURL *handle) { return curl.multi_remove_handle(multi, handle); }
CURLMcode ccurl_multi_perform(CURLM *multi, int *running_count) { return curl.multi_perform(multi, running_count); }
CURLMcode ccurl_multi_poll(CURLM *multi, struct curl_waitfd *others, unsigned count, int milliseconds, int *ready_count) {
  return curl.multi_poll(multi, others, count, milliseconds, ready_count);
}
CURLMcode ccurl_multi_wakeup(CURLM *multi) { return curl.multi_wakeup(multi); }
CURLMsg *ccurl_multi_info_read(CURLM *multi, int *remaining_count) {
  return curl.multi_info_read(multi, remaining_count);
}

struct curl_slist *ccurl_slist_append(struct curl_slist *list, const char *text) {
  return curl.slist_append(list, text);
}
void ccurl_slist_free_all(struct curl_slist *list) { curl.slist_free_all(list); }

CURLcode ccurl_set_long(CURL *handle, CURLoption option, long value) { return curl.easy_setopt(handle, option, value); }
CURLcode ccurl_set_count(CURL *handle, CURLoption option, curl_off_t value) {
  return curl.easy_setopt(handle, option, value);
}
CURLcode ccurl_set_text(CURL *handle, CURLoption option, const char *value) {
  return curl.easy_setopt(handle, option, value);
}
CURLcode ccurl_set_pointer(CURL *handle, CURLoption option, const void *value) {
  return curl.easy_setopt(handle, option, value);
}
CURLcode ccurl_set_list(CURL *handle, CURLoption option, struct curl_slist *value) {
  return curl.easy_setopt(handle, option, value);
}
CURLcode ccurl_set_blob(CURL *handle, CURLoption option, const void *bytes, size_t count) {
  struct curl_blob blob = {(void *)bytes, count, CURL_BLOB_COPY};
  return curl.easy_setopt(handle, option, &blob);
}
CURLcode ccurl_set_data_function(CURL *handle, CURLoption option, curl_write_callback function) {
  return curl.easy_setopt(handle, option, function);
}
CURLcode ccurl_set_seek_function(CURL *handle, curl_seek_callback function) {
  return curl.easy_setopt(handle, CURLOPT_SEEKFUNCTION, function);
}
CURLcode ccurl_set_socket_function(CURL *handle, curl_opensocket_callback function) {
  return curl.easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, function);
}
CURLcode ccurl_get_long(CURL *handle, CURLINFO info, long *value) { return curl.easy_getinfo(handle, info, value); }
CURLcode ccurl_get_count(CURL *handle, CURLINFO info, curl_off_t *value) {
  return curl.easy_getinfo(handle, info, value);
}
CURLcode ccurl_message_result(const CURLMsg *message) { return message->data.result; }
