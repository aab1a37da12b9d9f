/** Portuguese (Brazil, ABNT2). */
export default {
  id: "br",
  rows: {
    E: ["' 1 2 3 4 5 6 7 8 9 0 - =", '" ! @ # $ % d¨ & * ( ) _ +', "-- ¹ ² ³ £ ¢ ¬ -- -- -- -- -- §"],
    D: ["q w e r t y u i o p d´ [", "Q W E R T Y U I O P d` {", "-- -- € -- -- -- -- -- -- -- -- ª"],
    C: ["a s d f g h j k l ç d~ ]", "A S D F G H J K L Ç d^ }", "-- -- -- -- -- -- -- -- -- -- -- º"],
    B: ["\\ z x c v b n m , . ; /", "| Z X C V B N M < > : ?"],
  },
};
