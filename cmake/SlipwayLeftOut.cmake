# Tests in which a sanitizer could find nothing that it does not find elsewhere, each with the reason. They are neither built nor
# run in that preset; `./dev test --sanitize` prints them, and counts that every other test of `dev` is there. What has threads
# stays under tsan, what runs our code on a stranger's bytes under asan.

# slipway_leave_out(SANITIZERS address|thread... TESTS names... BECAUSE reason)
function(slipway_leave_out)
  cmake_parse_arguments(PARSE_ARGV 0 OUT "" "BECAUSE" "SANITIZERS;TESTS")
  foreach(SANITIZER IN LISTS OUT_SANITIZERS)
    if(SLIPWAY_SANITIZE MATCHES "${SANITIZER}")
      foreach(TEST IN LISTS OUT_TESTS)
        set_property(GLOBAL PROPERTY SLIPWAY_LEFT_OUT_${TEST} "${OUT_BECAUSE}")
        set_property(GLOBAL APPEND PROPERTY SLIPWAY_LEFT_OUT ${TEST})
      endforeach()
    endif()
  endforeach()
endfunction()

# slipway_declare_test(NAME TIMEOUT seconds LABELS ... ENVIRONMENT ... COMMAND ...): a ctest entry, unless it is left out.
function(slipway_declare_test NAME)
  cmake_parse_arguments(TEST "" "TIMEOUT" "LABELS;ENVIRONMENT;COMMAND" ${ARGN})
  set_property(GLOBAL APPEND PROPERTY SLIPWAY_TESTS ${NAME})
  get_property(REASON GLOBAL PROPERTY SLIPWAY_LEFT_OUT_${NAME})
  if(REASON)
    return()
  endif()
  if(SLIPWAY_SANITIZE)
    math(EXPR TEST_TIMEOUT "${TEST_TIMEOUT} * 4")
  endif()
  add_test(NAME ${NAME} COMMAND ${TEST_COMMAND})
  list(GET TEST_COMMAND 0 PROGRAM)
  add_dependencies(tests ${PROGRAM})
  # What may take long is begun first.
  set_tests_properties(${NAME} PROPERTIES TIMEOUT ${TEST_TIMEOUT} COST ${TEST_TIMEOUT} LABELS "${TEST_LABELS}"
    ENVIRONMENT "SLIPWAY_SOURCE_DIR=${CMAKE_SOURCE_DIR};SLIPWAY_BUILD_DIR=${CMAKE_BINARY_DIR};${TEST_ENVIRONMENT}")
endfunction()

# After the last test: what ./dev prints, a line a test, reason first. A name that no test has is a mistake.
function(slipway_say_left_out)
  get_property(ALL GLOBAL PROPERTY SLIPWAY_TESTS)
  get_property(OUT GLOBAL PROPERTY SLIPWAY_LEFT_OUT)
  set(LINES "")
  foreach(NAME IN LISTS OUT)
    if(NOT NAME IN_LIST ALL)
      message(FATAL_ERROR "SlipwayLeftOut.cmake: there is no test ${NAME}")
    endif()
    get_property(REASON GLOBAL PROPERTY SLIPWAY_LEFT_OUT_${NAME})
    string(APPEND LINES "${REASON}\t${NAME}\n")
  endforeach()
  file(WRITE ${CMAKE_BINARY_DIR}/left-out.txt "${LINES}")
endfunction()

# Everything that the tests of this preset need: what ./dev builds under a sanitizer.
add_custom_target(tests)

slipway_leave_out(SANITIZERS thread BECAUSE "one thread under a virtual clock"
  TESTS crash_simulation_test fence_simulation_test live_log_simulation_test progress_simulation_test random_simulation_test
    refusal_simulation_test verdict_simulation_test waits_simulation_test
    claimer_test controller_test work_queue_test memory_store_test simulated_runtime_test)
slipway_leave_out(SANITIZERS thread BECAUSE "functions of their arguments, on one thread"
  TESTS agent_test image_reference_test kind_schemas_test kinds_test quantity_test reason_test result_test strict_json_test utf8_test
    yaml_bad_files_test yaml_bombs_test yaml_test json_schema_hostile_test json_schema_suite_test
    duration_corpus_test http_corpus_test json_schema_corpus_test quantity_corpus_test yaml_corpus_test
    conclude_test node_state_test plan_property_test plan_test simpler_test first_decision_test foresight_test
    cli_pieces_test client_pieces_test cluster_metrics_test docker_parts_test doctor_test explain_test server_parse_test
    keyphrases_test momentum_test sample_agents_test operations_bounds_test)
slipway_leave_out(SANITIZERS address thread BECAUSE "PostgreSQL judges statements; the other store tests send as many and read stranger rows"
  TESTS partial_results_pgtest store_agent_rules_pgtest store_plans_pgtest store_state_chart_pgtest store_totals_pgtest store_turns_pgtest
    tenancy_borders_pgtest tenancy_forgery_pgtest tenancy_life_pgtest tenancy_matrix_pgtest)
slipway_leave_out(SANITIZERS thread BECAUSE "one statement at a time; store_admission, _conformance, _outages, _pooler and _writes send many at once"
  TESTS catalog_pgtest store_bad_rows_pgtest store_settings_pgtest store_sqlstates_pgtest)
slipway_leave_out(SANITIZERS thread BECAUSE "the command by itself: its only second thread draws progress, which following, terminal and server_way keep"
  TESTS command_pgtest command_docs_pgtest completion_pgtest habits_pgtest round_trip_pgtest why_pgtest yaml_docs_pgtest)
slipway_leave_out(SANITIZERS address thread BECAUSE "pages' examples, by shell, Python and Node; the tests of store, server and e2e make the same calls"
  TESTS agents_dockertest examples_dockertest http_docs_dockertest openapi_lint_pgtest sql_docs_pgtest)
slipway_leave_out(SANITIZERS thread BECAUSE "one daemon's settings and what it tells its service manager; daemon_life starts and ends as many"
  TESTS units_test)
slipway_leave_out(SANITIZERS thread BECAUSE "plays for as long as it is given: five minutes in dev, one under asan; crash, spend and daemon_life keep its faults"
  TESTS soak_dockertest)
slipway_leave_out(SANITIZERS address thread BECAUSE "Prometheus judges what it scrapes; happy, reasons and http_api read the same page"
  TESTS prometheus_dockertest)
slipway_leave_out(SANITIZERS address thread BECAUSE "gVisor below the engine is what differs; the daemon's calls are those of hostile and life"
  TESTS gvisor_dockertest)
slipway_leave_out(SANITIZERS address thread BECAUSE "measures a minute in which nothing runs"
  TESTS idle_dockertest)
slipway_leave_out(SANITIZERS address thread BECAUSE "the repository, packages and pages before programs that are not ours"
  TESTS include_test operations_rules_test orders_dockertest compose_dockertest package_dockertest)
slipway_leave_out(SANITIZERS address thread BECAUSE "the bench is not what is shipped"
  TESTS bench_report_test bench_smoke_dockertest)
