# Note what Node changes before it runs any of our code, then become Node. This text is the head of main.js, where
# JavaScript sees a comment. Everything is in one variable, which main.js removes. Names that begin with _lp cannot
# hide a variable of the user.
_lp_signals=trap= _lp_limit= _lp_open= _lp_environ=
if [ -r /proc/self/status ]; then
  while read -r _lp_key _lp_value; do
    case $_lp_key in
      SigBlk:) _lp_signals="blocked=$_lp_value" ;;
      SigIgn:)
        _lp_signals="$_lp_signals ignored=$_lp_value"
        # A shell reads byte by byte.
        break
        ;;
    esac
  done < /proc/self/status
else
  # Only the ignored signals of the shell's own list: "trap -- '' HUP".
  _lp_signals="trap=$(trap | while read -r _lp_key _lp_value; do case $_lp_value in "-- '' "?*) printf '%s,' "${_lp_value##* }" ;; esac; done)"
fi
case $1 in
  run | reproduce)
    _lp_limit=$(ulimit -S -n)
    if [ -d /proc/self/fdinfo ]; then
      for _lp_key in /proc/self/fd/[0-9]*; do
        # The descriptor of this listing is gone by now.
        [ -e "$_lp_key" ] || [ -h "$_lp_key" ] || continue
        _lp_key=${_lp_key##*[/]}
        # From 10 on one of them is this script; Node does not inherit it.
        if [ "$_lp_key" -ge 10 ]; then
          _lp_flags=0
          while read -r _lp_name _lp_value; do
            case $_lp_name in flags:) _lp_flags=$_lp_value ;; esac
          done 2>/dev/null < "/proc/self/fdinfo/$_lp_key"
          case $_lp_flags in *[2367]??????) continue ;; esac
        fi
        _lp_open="$_lp_open$_lp_key,"
      done
    fi
    # Shells drop variables whose names they do not allow, and change PWD and SHLVL.
    [ -r /proc/$$/environ ] && _lp_environ=$(tr '\0\n' '\n\1' < /proc/$$/environ 2>/dev/null)
    [ "${#_lp_environ}" -gt 40000 ] && _lp_environ=
    ;;
esac
LINEAPRINT_START="pid=$$ limit=$_lp_limit $_lp_signals open=$_lp_open environ=$_lp_environ"
export LINEAPRINT_START
exec node "$0" "$@"
