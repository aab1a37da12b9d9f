/** Japanese (106 and 109 keys), without an input method. */
export default {
  id: "jp",
  rows: {
    E: ["-- 1 2 3 4 5 6 7 8 9 0 - ^ --", "-- ! \" # $ % & ' ( ) -- = ~ |"],
    D: ["q w e r t y u i o p @ [", "Q W E R T Y U I O P ` {"],
    C: ["a s d f g h j k l ; : ]", "A S D F G H J K L + * }"],
    B: ["-- z x c v b n m , . / \\", "-- Z X C V B N M < > ? _"],
  },
};
