/** The whole library in one file, which loads three times as fast as its hundreds of modules. It has no types of its own. */
declare module 'echarts/dist/echarts.esm.min.mjs' {
  export { init } from 'echarts';
}
