"use strict";(self.rspackChunkdockmagic_labextension=self.rspackChunkdockmagic_labextension||[]).push([[232],{"./node_modules/css-loader/dist/cjs.js!./style/base.css"(e,o,r){var t=r("./node_modules/css-loader/dist/runtime/noSourceMaps.js"),d=r.n(t),l=r("./node_modules/css-loader/dist/runtime/api.js"),n=(r.n(l))()(d());n.push([e.id,`/* Tokens: iron is read-only, crust is writable. Fixed colours on any ground; text inherits the page's. */
.dml-record,
.dml-panel,
.dml-cell,
.cm-tooltip .dml-hover {
  --dml-face: rgba(120, 140, 165, 0.2);
  --dml-edge: #8190a2;
  --dml-base: #66758a;
  --dml-rim: #a8761a;
  --dml-tray: rgba(214, 160, 50, 0.1);
  --dml-red: #c8372d;
  --dml-line: #66758a;
  --dml-ink2: #55606d;
  --dml-rule: #d5dbe2;
  --dml-hover: #e6ebf0;
  --dml-sel: #1669c1;
  --dml-mono: var(--jp-code-font-family, ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace);
}

body[data-jp-theme-light='false'] :is(.dml-record, .dml-panel, .dml-cell, .dml-hover) {
  --dml-line: #8494a8;
  --dml-ink2: #aeb8c3;
  --dml-rule: #3b444e;
  --dml-hover: #2f3843;
  --dml-sel: #5fb0f7;
  --dml-rim: #d9a441;
}

.dml-hidden {
  position: absolute;
  width: 1px;
  height: 1px;
  margin: -1px;
  padding: 0;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: nowrap;
}

.dml-quiet {
  color: var(--dml-ink2);
}

.dml-mono {
  font-family: var(--dml-mono);
  font-size: 11.5px;
}

/* ---- the record ---- */

.dml-drawing {
  max-width: 760px;
  margin: 2px 0;
  padding: 2px 8px;
  font-family: var(--jp-ui-font-family);
  font-size: 12.5px;
  line-height: 18px;
  color: var(--jp-ui-font-color1);
}

.dml-drawing ul {
  list-style: none;
  margin: 0;
  padding: 0;
}

.dml-header {
  margin-bottom: 4px;
}

.dml-header > * {
  margin-right: 4px;
}

.dml-verdict {
  border: 1px solid;
  border-radius: 3px;
  padding: 0 5px;
  white-space: nowrap;
}

.dml-fine {
  font-size: 11px;
}

.dml-tray,
.dml-changes {
  padding: 2px 8px 4px;
}

/* Open at the top: things can still be put in. */
.dml-tray {
  border: 1.5px dashed var(--dml-rim);
  border-top: 0;
  border-radius: 0 0 3px 3px;
  background-color: var(--dml-tray);
}

.dml-changes {
  border: 1px solid var(--dml-edge);
  border-radius: 2px;
}

.dml-tray-title {
  line-height: 20px;
}

.dml-tray-size {
  float: right;
  padding-left: 4px;
  font-variant-numeric: tabular-nums;
}

.dml-chip {
  display: inline-block;
  color: #fff;
  border-radius: 3px;
  padding: 0 4px;
  font-family: var(--dml-mono);
  font-size: 10.5px;
  line-height: 14px;
}

.dml-A {
  background-color: #0f7b45;
}

.dml-C {
  background-color: #745ad6;
}

.dml-D {
  background-color: #c8372d;
}

.dml-paths > li {
  display: inline-block;
  box-sizing: border-box;
  width: 32.8%;
  min-width: 196px;
  padding-right: 6px;
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
  vertical-align: top;
  line-height: 17px;
}

.dml-slabs > li {
  position: relative;
  box-sizing: border-box;
  margin-top: 2px;
}

.dml-slab,
.dml-line,
.dml-outlined {
  display: flex;
  align-items: center;
  column-gap: 8px;
  padding: 0 8px;
}

.dml-slab {
  background-color: var(--dml-face);
}

/* A style of the element sets width and kind. */
.dml-slab {
  border-bottom-color: var(--dml-edge) !important;
}

.dml-name {
  flex: 1;
  min-width: 0;
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
}

.dml-files,
.dml-size {
  text-align: right;
  white-space: nowrap;
  font-variant-numeric: tabular-nums;
}

.dml-files {
  font-size: 11.5px;
}

.dml-size {
  min-width: 66px;
}

.dml-wide {
  font-size: 11.5px;
}

.dml-lock {
  display: inline-flex;
  flex-direction: column;
  align-items: center;
  width: 10px;
}

.dml-lock > i:first-child {
  box-sizing: border-box;
  width: 6px;
  height: 5px;
  border: 1px solid;
  border-bottom: 0;
  border-radius: 3px 3px 0 0;
}

.dml-lock > i:last-child {
  width: 10px;
  height: 6px;
  border-radius: 1px;
  background-color: currentcolor;
}

.dml-line {
  border-bottom: 1px solid var(--dml-face);
  padding-left: 26px;
  line-height: 16px;
}

.dml-fold {
  border-top: 3px double var(--dml-edge);
  border-bottom: 3px double var(--dml-edge);
  text-align: center;
}

.dml-outlined {
  border: 1px solid var(--dml-edge);
  border-radius: 2px;
  padding-left: 26px;
}

.dml-failed {
  border: 1.5px solid var(--dml-red);
  background-color: rgba(200, 55, 45, 0.1);
}

.dml-notrun {
  border-style: dotted;
  color: var(--dml-ink2);
}

.dml-foot {
  border-top: 2px solid var(--dml-base);
  margin-top: 2px;
  padding-top: 2px;
  line-height: 17px;
}

.dml-note {
  line-height: 17px;
}

.dml-drawing summary {
  cursor: pointer;
}

.dml-log {
  max-height: 180px;
  overflow: auto;
  margin: 2px 0;
  padding: 4px 8px;
  border: 1px solid var(--dml-rule);
  font-family: var(--dml-mono);
  font-size: 11.5px;
  line-height: 16px;
}

/* ---- the panel ---- */

.dml-panel {
  display: flex;
  flex-direction: column;
  overflow: auto;
  min-width: 240px;
  background: var(--jp-layout-color1);
  color: var(--jp-ui-font-color1);
  font-family: var(--jp-ui-font-family);
  font-size: 13px;
  line-height: 20px;
}

.dml-panel ul {
  list-style: none;
  margin: 0;
  padding: 0;
}

.dml-panel code {
  font-family: var(--dml-mono);
  font-size: 11.5px;
}

.dml-panel-header {
  display: flex;
  align-items: center;
  justify-content: space-between;
  padding: 6px 12px;
  border-bottom: 1px solid var(--dml-rule);
}

.dml-panel h2,
.dml-panel h3 {
  margin: 0;
  font-size: 13px;
  font-weight: 600;
  line-height: 20px;
}

.dml-panel h3 {
  display: flex;
  justify-content: space-between;
  padding: 0 12px;
}

.dml-panel h3 > span {
  font-weight: 400;
  font-variant-numeric: tabular-nums;
}

.dml-status:not(:empty) {
  padding: 4px 12px;
  border-bottom: 1px solid var(--dml-rule);
}

.dml-section {
  padding: 7px 0 9px;
  border-bottom: 1px solid var(--dml-rule);
}

.dml-empty {
  margin: 0;
  padding: 4px 12px;
  color: var(--dml-ink2);
}

.dml-row {
  display: grid;
  grid-template-columns: 34px minmax(0, 1fr) auto;
  gap: 0 9px;
  align-items: center;
  width: 100%;
  padding: 4px 12px;
  border: 0;
  background: none;
  color: inherit;
  font: inherit;
  text-align: left;
  cursor: pointer;
}

.dml-row:hover,
.dml-row[aria-expanded='true'] {
  background: var(--dml-hover);
}

.dml-row[aria-expanded='true'] {
  box-shadow: inset 3px 0 var(--dml-sel);
}

.dml-panel :focus-visible {
  outline: 2px solid var(--dml-sel);
  outline-offset: -2px;
}

.dml-row-name {
  font-size: 12px;
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
}

.dml-row-size,
.dml-number {
  font-size: 11.5px;
  font-variant-numeric: tabular-nums;
  white-space: nowrap;
}

.dml-row-detail {
  grid-column: 2 / 4;
  font-size: 11.5px;
  line-height: 15px;
  color: var(--dml-ink2);
  overflow-wrap: anywhere;
}

.dml-mini {
  grid-row: 1 / 3;
  display: flex;
  flex-direction: column;
  gap: 1px;
  width: 32px;
}

.dml-mini > i {
  background: var(--dml-edge);
  border-top: 2px solid var(--dml-base);
}

.dml-mini > u {
  height: 9px;
  border: 1px dashed var(--dml-rim);
  border-top: 0;
  background: var(--dml-tray);
}

.dml-actions {
  padding: 2px 12px 6px 55px !important;
  background: var(--dml-hover);
  box-shadow: inset 3px 0 var(--dml-sel);
}

.dml-actions code {
  display: block;
}

.dml-actions > li {
  padding: 3px 0;
  overflow-wrap: anywhere;
}

.dml-button {
  border: 1px solid var(--dml-line);
  border-radius: 3px;
  background: var(--jp-layout-color1);
  color: inherit;
  font: inherit;
  font-size: 12px;
  min-height: 24px;
  padding: 1px 9px;
  cursor: pointer;
}

.dml-button:hover {
  background: var(--dml-hover);
}

.dml-button[aria-disabled='true'] {
  border-style: dotted;
  color: var(--dml-ink2);
  cursor: default;
}

.dml-why {
  color: var(--dml-ink2);
  font-size: 11.5px;
}

.dml-disk {
  display: flex;
  gap: 1px;
  height: 12px;
  margin: 5px 12px 4px;
  outline: 1px solid var(--dml-rule);
}

.dml-disk > i {
  min-width: 2px;
}

.dml-part-images {
  background: var(--dml-edge);
}

.dml-part-containers {
  background: repeating-linear-gradient(45deg, var(--dml-rim) 0 2px, var(--dml-tray) 2px 4px);
}

.dml-part-cache {
  box-sizing: border-box;
  border: 1px solid var(--dml-line);
}

.dml-legend {
  padding: 0 12px !important;
  font-size: 11.5px;
}

.dml-legend > li {
  display: grid;
  grid-template-columns: 12px 1fr auto;
  gap: 0 7px;
  align-items: center;
}

.dml-sample {
  width: 12px;
  height: 10px;
}

.dml-tiers {
  margin: 5px 12px 2px !important;
  border: 1px solid var(--dml-line);
  border-radius: 3px;
  font-size: 12px;
}

.dml-tiers > li {
  display: flex;
  gap: 7px;
  padding: 2px 8px;
  color: var(--dml-ink2);
}

.dml-tiers > .dml-on {
  background: var(--dml-hover);
  color: inherit;
  font-weight: 600;
}

.dml-sign {
  width: 12px;
  flex: none;
}

.dml-panel .dml-note {
  margin: 0;
  padding: 2px 12px 0;
  color: var(--dml-ink2);
  font-size: 11.5px;
  overflow-wrap: anywhere;
}

/* ---- the editor ---- */

.dml-hover {
  max-width: 460px;
  padding: 4px 8px;
  font-family: var(--jp-ui-font-family);
  font-size: 12.5px;
  line-height: 18px;
}

.dml-hover code {
  font-family: var(--dml-mono);
  font-size: 12px;
}

.dml-cell .tok-meta,
.dml-cell .tok-keyword {
  font-weight: bold;
}

/* The arrow beside a here-document; JupyterLab's dark theme leaves it as dark as its ground. */
.dml-cell .cm-foldGutter .cm-gutterElement {
  color: var(--jp-ui-font-color1);
}

/* ---- where the reader's own few colours are forced on a page: shades and shadows go, so lines say what they said ---- */

@media (forced-colors: active) {
  .dml-disk > i,
  .dml-sample {
    forced-color-adjust: none;
  }

  .dml-part-images {
    background: CanvasText;
  }

  .dml-part-containers {
    background: repeating-linear-gradient(45deg, CanvasText 0 2px, Canvas 2px 4px);
  }

  .dml-part-cache {
    border-color: CanvasText;
  }

  .dml-row[aria-expanded='true'] {
    outline: 2px solid Highlight;
    outline-offset: -2px;
  }
}
`,""]),r.d(o,{},{A:n})},"./node_modules/css-loader/dist/runtime/api.js"(e){e.exports=function(e){var o=[];return o.toString=function(){return this.map(function(o){var r="",t=void 0!==o[5];return o[4]&&(r+="@supports (".concat(o[4],") {")),o[2]&&(r+="@media ".concat(o[2]," {")),t&&(r+="@layer".concat(o[5].length>0?" ".concat(o[5]):""," {")),r+=e(o),t&&(r+="}"),o[2]&&(r+="}"),o[4]&&(r+="}"),r}).join("")},o.i=function(e,r,t,d,l){"string"==typeof e&&(e=[[null,e,void 0]]);var n={};if(t)for(var i=0;i<this.length;i++){var a=this[i][0];null!=a&&(n[a]=!0)}for(var s=0;s<e.length;s++){var p=[].concat(e[s]);t&&n[p[0]]||(void 0!==l&&(void 0===p[5]||(p[1]="@layer".concat(p[5].length>0?" ".concat(p[5]):""," {").concat(p[1],"}")),p[5]=l),r&&(p[2]&&(p[1]="@media ".concat(p[2]," {").concat(p[1],"}")),p[2]=r),d&&(p[4]?(p[1]="@supports (".concat(p[4],") {").concat(p[1],"}"),p[4]=d):p[4]="".concat(d)),o.push(p))}},o}},"./node_modules/css-loader/dist/runtime/noSourceMaps.js"(e){e.exports=function(e){return e[1]}},"./node_modules/style-loader/dist/runtime/injectStylesIntoStyleTag.js"(e){var o=[];function r(e){for(var r=-1,t=0;t<o.length;t++)if(o[t].identifier===e){r=t;break}return r}function t(e,t){for(var d={},l=[],n=0;n<e.length;n++){var i=e[n],a=t.base?i[0]+t.base:i[0],s=d[a]||0,p="".concat(a," ").concat(s);d[a]=s+1;var m=r(p),c={css:i[1],media:i[2],sourceMap:i[3],supports:i[4],layer:i[5]};if(-1!==m)o[m].references++,o[m].updater(c);else{var u=function(e,o){var r=o.domAPI(o);return r.update(e),function(o){o?(o.css!==e.css||o.media!==e.media||o.sourceMap!==e.sourceMap||o.supports!==e.supports||o.layer!==e.layer)&&r.update(e=o):r.remove()}}(c,t);t.byIndex=n,o.splice(n,0,{identifier:p,updater:u,references:1})}l.push(p)}return l}e.exports=function(e,d){var l=t(e=e||[],d=d||{});return function(e){e=e||[];for(var n=0;n<l.length;n++){var i=r(l[n]);o[i].references--}for(var a=t(e,d),s=0;s<l.length;s++){var p=r(l[s]);0===o[p].references&&(o[p].updater(),o.splice(p,1))}l=a}}},"./node_modules/style-loader/dist/runtime/insertBySelector.js"(e){var o={};e.exports=function(e,r){var t=function(e){if(void 0===o[e]){var r=document.querySelector(e);if(window.HTMLIFrameElement&&r instanceof window.HTMLIFrameElement)try{r=r.contentDocument.head}catch(e){r=null}o[e]=r}return o[e]}(e);if(!t)throw Error("Couldn't find a style target. This probably means that the value for the 'insert' parameter is invalid.");t.appendChild(r)}},"./node_modules/style-loader/dist/runtime/insertStyleElement.js"(e){e.exports=function(e){var o=document.createElement("style");return e.setAttributes(o,e.attributes),e.insert(o,e.options),o}},"./node_modules/style-loader/dist/runtime/setAttributesWithoutAttributes.js"(e,o,r){e.exports=function(e){var o=r.nc;o&&e.setAttribute("nonce",o)}},"./node_modules/style-loader/dist/runtime/styleDomAPI.js"(e){e.exports=function(e){if("u"<typeof document)return{update:function(){},remove:function(){}};var o=e.insertStyleElement(e);return{update:function(r){var t,d,l;t="",r.supports&&(t+="@supports (".concat(r.supports,") {")),r.media&&(t+="@media ".concat(r.media," {")),(d=void 0!==r.layer)&&(t+="@layer".concat(r.layer.length>0?" ".concat(r.layer):""," {")),t+=r.css,d&&(t+="}"),r.media&&(t+="}"),r.supports&&(t+="}"),(l=r.sourceMap)&&"u">typeof btoa&&(t+="\n/*# sourceMappingURL=data:application/json;base64,".concat(btoa(unescape(encodeURIComponent(JSON.stringify(l))))," */")),e.styleTagTransform(t,o,e.options)},remove:function(){var e;null===(e=o).parentNode||e.parentNode.removeChild(e)}}}},"./node_modules/style-loader/dist/runtime/styleTagTransform.js"(e){e.exports=function(e,o){if(o.styleSheet)o.styleSheet.cssText=e;else{for(;o.firstChild;)o.removeChild(o.firstChild);o.appendChild(document.createTextNode(e))}}},"./style/index.js"(e,o,r){var t=r("./node_modules/style-loader/dist/runtime/injectStylesIntoStyleTag.js"),d=r.n(t),l=r("./node_modules/style-loader/dist/runtime/styleDomAPI.js"),n=r.n(l),i=r("./node_modules/style-loader/dist/runtime/insertBySelector.js"),a=r.n(i),s=r("./node_modules/style-loader/dist/runtime/setAttributesWithoutAttributes.js"),p=r.n(s),m=r("./node_modules/style-loader/dist/runtime/insertStyleElement.js"),c=r.n(m),u=r("./node_modules/style-loader/dist/runtime/styleTagTransform.js"),x=r.n(u),f=r("./node_modules/css-loader/dist/cjs.js!./style/base.css"),g={};g.styleTagTransform=x(),g.setAttributes=p(),g.insert=a().bind(null,"head"),g.domAPI=n(),g.insertStyleElement=c(),d()(f.A,g),f.A&&f.A.locals&&f.A.locals}}]);