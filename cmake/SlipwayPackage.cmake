# Two Debian packages: slipwayd (the controller, its units, its configuration) and slipway (the command). `./dev package`
# builds both from the release preset.

set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY TRUE)
set(PACKAGING ${CMAKE_SOURCE_DIR}/packaging/deb)
set(GENERATED ${CMAKE_BINARY_DIR}/packaging)

# What the command completes is what it says it completes.
foreach(SHELL bash zsh fish)
  add_custom_command(OUTPUT ${GENERATED}/completion.${SHELL} DEPENDS slipway VERBATIM
    COMMAND ${CMAKE_COMMAND} -E make_directory ${GENERATED}
    COMMAND sh -c "exec \"$1\" completion ${SHELL} > \"$2\"" sh $<TARGET_FILE:slipway> ${GENERATED}/completion.${SHELL})
  list(APPEND COMPLETIONS ${GENERATED}/completion.${SHELL})
endforeach()
foreach(NAME slipwayd slipway)
  add_custom_command(OUTPUT ${GENERATED}/${NAME}/changelog.gz DEPENDS ${PACKAGING}/changelog VERBATIM
    COMMAND ${CMAKE_COMMAND} -E make_directory ${GENERATED}/${NAME}
    COMMAND sh -c "sed s/@NAME@/${NAME}/ \"$1\" | gzip -9n > \"$2\"" sh ${PACKAGING}/changelog ${GENERATED}/${NAME}/changelog.gz)
  list(APPEND CHANGELOGS ${GENERATED}/${NAME}/changelog.gz)
endforeach()
add_custom_target(slipway_packaging ALL DEPENDS ${COMPLETIONS} ${CHANGELOGS})

install(TARGETS slipwayd RUNTIME DESTINATION sbin COMPONENT daemon)
install(TARGETS slipway RUNTIME DESTINATION bin COMPONENT command)
install(FILES manifests/config.yaml DESTINATION /etc/slipway COMPONENT daemon)
install(FILES manifests/systemd/slipwayd.service manifests/systemd/slipwayd-volume.service
  DESTINATION /lib/systemd/system COMPONENT daemon)
install(FILES manifests/systemd/slipway.sysusers DESTINATION lib/sysusers.d RENAME slipwayd.conf COMPONENT daemon)
install(FILES manifests/systemd/slipway.tmpfiles DESTINATION lib/tmpfiles.d RENAME slipwayd.conf COMPONENT daemon)
install(FILES manifests/systemd/slipway.polkit.rules DESTINATION share/polkit-1/rules.d RENAME 50-slipwayd.rules COMPONENT daemon)
install(DIRECTORY docs/operations/ DESTINATION share/doc/slipwayd COMPONENT daemon FILES_MATCHING PATTERN "*.md")
install(FILES ${PACKAGING}/copyright DESTINATION share/doc/slipwayd COMPONENT daemon)
install(FILES ${PACKAGING}/copyright DESTINATION share/doc/slipway COMPONENT command)
install(FILES ${GENERATED}/slipwayd/changelog.gz DESTINATION share/doc/slipwayd COMPONENT daemon)
install(FILES ${GENERATED}/slipway/changelog.gz DESTINATION share/doc/slipway COMPONENT command)
install(FILES ${PACKAGING}/slipwayd.lintian-overrides DESTINATION share/lintian/overrides RENAME slipwayd COMPONENT daemon)
install(FILES ${PACKAGING}/slipway.lintian-overrides DESTINATION share/lintian/overrides RENAME slipway COMPONENT command)
install(FILES ${GENERATED}/completion.bash DESTINATION share/bash-completion/completions RENAME slipway COMPONENT command)
install(FILES ${GENERATED}/completion.zsh DESTINATION share/zsh/vendor-completions RENAME _slipway COMPONENT command)
install(FILES ${GENERATED}/completion.fish DESTINATION share/fish/vendor_completions.d RENAME slipway.fish COMPONENT command)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME slipway)
set(CPACK_PACKAGE_CONTACT "The Slipway maintainers <maintainers@slipway.dev>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL daemon command)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set(CPACK_DEBIAN_DAEMON_PACKAGE_NAME slipwayd)
set(CPACK_DEBIAN_DAEMON_PACKAGE_SECTION admin)
set(CPACK_COMPONENT_DAEMON_DESCRIPTION "controller that runs untrusted jobs in locked-down containers
Jobs are rows of a PostgreSQL table. The controller compares each with what
the container engine holds and acts until they agree: it checks entitlement,
input and rate, starts one container once, without network and with hard
limits, ends it in time, and records result, logs, statistics and charge.")
set(CPACK_DEBIAN_DAEMON_PACKAGE_DEPENDS "systemd | systemd-standalone-sysusers")
set(CPACK_DEBIAN_DAEMON_PACKAGE_RECOMMENDS "slipway, docker.io | docker-ce, polkitd, postgresql")
set(CPACK_DEBIAN_DAEMON_PACKAGE_CONTROL_EXTRA
  ${PACKAGING}/postinst ${PACKAGING}/prerm ${PACKAGING}/postrm ${PACKAGING}/conffiles)

set(CPACK_DEBIAN_COMMAND_PACKAGE_NAME slipway)
set(CPACK_DEBIAN_COMMAND_PACKAGE_SECTION admin)
set(CPACK_COMPONENT_COMMAND_DESCRIPTION "command to declare, run and watch Slipway's agents and executions
Speaks to Slipway's database or to the HTTP API of its controller, with the
habits of kubectl: apply, get, describe, logs, wait and their kin.")
include(CPack)
