/* Source: trunkd benchmark rig, sipresp.c.
 * fast SIP registrar / OPTIONS responder for benchmarks.  Single thread, epoll,
 * recvmmsg/sendmmsg, IP_PKTINFO (one socket on 0.0.0.0:PORT answers as every 127.x.y.z address),
 * TCP too.  Own MD5, no dependencies.   gcc -O2 -o sipresp sipresp.c
 *
 *  --udp ADDR:PORT[-PORT]   listen (repeatable; 0.0.0.0 = every loopback address is a peer of its own)
 *  --tcp ADDR:PORT[-PORT]
 *  --realm R   --pass-prefix P (password = P + username, default "pw")   --pass FIXED   --no-auth
 *  --grant S (max expires granted)   --min-expires S (423 below it)   --nonce-ttl S (default 300)
 *  --nonce-once (each nonce good for one request)   --no-qop
 *  --options-code C   --drop PCT   --expect N   --interval S (print JSON each S s)   --out FILE (final JSON)
 *  --ctl ADDR:PORT   text commands by UDP: stats | timeline | reset | peers CODE | peer A:P CODE |
 *                    regcode CODE | drop PCT | quit      (CODE 0 = silence, 200 = normal)
 *  --evlog FILE      one line per request: t_us kind key
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdint.h>
#include <errno.h>
#include <unistd.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/resource.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>

/* ---------- MD5 ---------- */
typedef struct { uint32_t s[4]; uint64_t n; uint8_t b[64]; } md5_t;
static const uint32_t MK[64]={
0xd76aa478,0xe8c7b756,0x242070db,0xc1bdceee,0xf57c0faf,0x4787c62a,0xa8304613,0xfd469501,
0x698098d8,0x8b44f7af,0xffff5bb1,0x895cd7be,0x6b901122,0xfd987193,0xa679438e,0x49b40821,
0xf61e2562,0xc040b340,0x265e5a51,0xe9b6c7aa,0xd62f105d,0x02441453,0xd8a1e681,0xe7d3fbc8,
0x21e1cde6,0xc33707d6,0xf4d50d87,0x455a14ed,0xa9e3e905,0xfcefa3f8,0x676f02d9,0x8d2a4c8a,
0xfffa3942,0x8771f681,0x6d9d6122,0xfde5380c,0xa4beea44,0x4bdecfa9,0xf6bb4b60,0xbebfbc70,
0x289b7ec6,0xeaa127fa,0xd4ef3085,0x04881d05,0xd9d4d039,0xe6db99e5,0x1fa27cf8,0xc4ac5665,
0xf4292244,0x432aff97,0xab9423a7,0xfc93a039,0x655b59c3,0x8f0ccc92,0xffeff47d,0x85845dd1,
0x6fa87e4f,0xfe2ce6e0,0xa3014314,0x4e0811a1,0xf7537e82,0xbd3af235,0x2ad7d2bb,0xeb86d391};
static const uint8_t MR[64]={7,12,17,22,7,12,17,22,7,12,17,22,7,12,17,22,5,9,14,20,5,9,14,20,5,9,14,20,5,9,14,20,
4,11,16,23,4,11,16,23,4,11,16,23,4,11,16,23,6,10,15,21,6,10,15,21,6,10,15,21,6,10,15,21};
static void md5_blk(uint32_t *s,const uint8_t*p){
  uint32_t w[16]; memcpy(w,p,64);
  uint32_t a=s[0],b=s[1],c=s[2],d=s[3];
#pragma GCC unroll 64
  for(int i=0;i<64;i++){ uint32_t f; int g;
    if(i<16){f=(b&c)|(~b&d);g=i;} else if(i<32){f=(d&b)|(~d&c);g=(5*i+1)&15;}
    else if(i<48){f=b^c^d;g=(3*i+5)&15;} else {f=c^(b|~d);g=(7*i)&15;}
    f+=a+MK[i]+w[g]; a=d;d=c;c=b; b+=(f<<MR[i])|(f>>(32-MR[i])); }
  s[0]+=a;s[1]+=b;s[2]+=c;s[3]+=d; }
static void md5_init(md5_t*m){m->s[0]=0x67452301;m->s[1]=0xefcdab89;m->s[2]=0x98badcfe;m->s[3]=0x10325476;m->n=0;}
static void md5_add(md5_t*m,const void*v,size_t l){const uint8_t*p=v;size_t o=m->n&63;m->n+=l;
  while(l){size_t k=64-o;if(k>l)k=l;memcpy(m->b+o,p,k);o+=k;p+=k;l-=k;if(o==64){md5_blk(m->s,m->b);o=0;}}}
static const char HX[]="0123456789abcdef";
static void md5_hex(md5_t*m,char*out){uint64_t bits=m->n*8;uint8_t c=0x80;md5_add(m,&c,1);c=0;while((m->n&63)!=56)md5_add(m,&c,1);
  md5_add(m,&bits,8);uint8_t*q=(uint8_t*)m->s;for(int i=0;i<16;i++){out[2*i]=HX[q[i]>>4];out[2*i+1]=HX[q[i]&15];}}

/* ---------- util ---------- */
typedef struct { const char*p; int l; } S;
static inline uint64_t mix(uint64_t h){h^=h>>33;h*=0xff51afd7ed558ccdULL;h^=h>>33;h*=0xc4ceb9fe1a85ec53ULL;h^=h>>33;return h;}
static uint64_t hs(const char*p,int l,uint64_t h){for(;l>=8;p+=8,l-=8){uint64_t v;memcpy(&v,p,8);h=mix(h^v)+0x9e3779b97f4a7c15ULL;}
  uint64_t v=0;memcpy(&v,p,l);return mix(h^v^((uint64_t)l<<56));}
static int64_t now_us(void){struct timespec t;clock_gettime(CLOCK_REALTIME,&t);return t.tv_sec*1000000LL+t.tv_nsec/1000;}
static int64_t NOW,T0;
static uint64_t SECRET;
static inline int ci(char c){return c|32;}
static int cieq(const char*a,int l,const char*b){for(int i=0;i<l;i++)if(ci(a[i])!=b[i])return 0;return b[l]==0;}

/* ---------- config, counters ---------- */
static const char*realm="bench",*passpre="pw",*passfix=NULL,*outf=NULL;
static int noauth,grant=0,minexp=0,nonce_ttl=300,nonce_once,noqop,optcode=200,regcode=200,expect,interval; static double drop;
static FILE*ev;
static struct { uint64_t udp_rx,udp_tx,udp_batches,tcp_rx,tcp_conns,reg,reg_noauth,reg_auth,reg_ok,reg_423,reg_401,bad,stale,badnc,retrans,retrans_opt,
  unreg,lapses,refreshes,opt,opt_sil,other,perr,dropped,cseq_bad,fetch,txfail; } C;
static int64_t first_reg,first_ok,last_first_ok,t_expect,last_opt,first_opt,lapse_max,lapse_sum;
static uint64_t n_acc,n_ok,n_peer; static uint64_t fh[12];
static uint32_t tl[7200]; static int64_t s10,s100,s1; static uint32_t c10,c100,c1,p10,p100,p1;
static uint64_t rs_=88172645463325252ULL;
static inline uint64_t rnd(void){rs_^=rs_<<13;rs_^=rs_>>7;rs_^=rs_<<17;return rs_;}
static void tick(void){
  int64_t a=NOW/10000; if(a!=s10){s10=a;c10=0;} if(++c10>p10)p10=c10;
  a=NOW/100000; if(a!=s100){s100=a;c100=0;} if(++c100>p100)p100=c100;
  a=NOW/1000000; if(a!=s1){s1=a;c1=0;} if(++c1>p1)p1=c1;
  int64_t k=(NOW-T0)/1000000; if(k>=0&&k<7200)tl[k]++; }

/* ---------- accounts, peers ---------- */
typedef struct { uint64_t h; char*aor; int64_t dead,last,first; uint64_t br,cid; uint32_t cseq,n,granted; uint64_t nonceh; uint32_t nc; uint8_t ha1ok; uint8_t reg; char ha1[32]; char*ha1user; } acc_t;
static acc_t*A; static uint64_t AM;
static acc_t*acc(const char*p,int l){
  if((n_acc+1)*2>AM){uint64_t om=AM;acc_t*o=A;AM=AM?AM*2:1<<16;A=calloc(AM,sizeof*A);
    for(uint64_t i=0;i<om;i++)if(o[i].h){uint64_t j=o[i].h&(AM-1);while(A[j].h)j=(j+1)&(AM-1);A[j]=o[i];} free(o);}
  uint64_t h=hs(p,l,1)|1,j=h&(AM-1);
  while(A[j].h){if(A[j].h==h)return A+j;j=(j+1)&(AM-1);}
  A[j].h=h;A[j].aor=strndup(p,l);n_acc++;return A+j;}
typedef struct { uint64_t k; uint64_t br; uint64_t n; int code; uint8_t used,seen; } peer_t;
static peer_t*P; static uint64_t PM,PN;
static peer_t*peer(uint32_t ip,uint16_t port){
  if((PN+1)*2>PM){uint64_t om=PM;peer_t*o=P;PM=PM?PM*2:1<<15;P=calloc(PM,sizeof*P);
    for(uint64_t i=0;i<om;i++)if(o[i].used){uint64_t j=mix(o[i].k)&(PM-1);while(P[j].used)j=(j+1)&(PM-1);P[j]=o[i];} free(o);}
  uint64_t k=((uint64_t)ip<<16)|port,j=mix(k)&(PM-1);
  while(P[j].used){if(P[j].k==k)return P+j;j=(j+1)&(PM-1);}
  P[j].used=1;P[j].k=k;P[j].code=-1;PN++;return P+j;}

/* ---------- stats ---------- */
static int stats(char*b,int cap,int timeline){
  struct rusage r;getrusage(RUSAGE_SELF,&r);NOW=now_us();
  uint64_t rn=0,ln=0;for(uint64_t i=0;i<AM;i++)if(A&&A[i].h&&A[i].reg){if(A[i].dead>=NOW)rn++;else ln++;}
#define D(x) ((x)?(double)(x)/1e6:0.0)
  int o=snprintf(b,cap,"{\"t\":%.3f,\"uptime_s\":%.3f,\"udp_rx\":%lu,\"udp_tx\":%lu,\"udp_batches\":%lu,\"tcp_rx\":%lu,\"tcp_conns\":%lu,\"txfail\":%lu,"
   "\"register\":%lu,\"reg_noauth\":%lu,\"reg_auth\":%lu,\"reg_ok\":%lu,\"reg_401\":%lu,\"reg_423\":%lu,\"bad_digest\":%lu,\"stale\":%lu,\"bad_nc\":%lu,\"reg_retrans\":%lu,\"unreg\":%lu,\"fetch\":%lu,\"cseq_bad\":%lu,"
   "\"accounts_seen\":%lu,\"accounts_ok\":%lu,\"registered_now\":%lu,\"lapsed_now\":%lu,\"lapses\":%lu,\"lapse_s_sum\":%.3f,\"lapse_s_max\":%.3f,\"refreshes\":%lu,"
   "\"first_register\":%.6f,\"first_ok\":%.6f,\"last_first_ok\":%.6f,\"t_expect\":%.6f,"
   "\"options\":%lu,\"options_silenced\":%lu,\"options_retrans\":%lu,\"peers_seen\":%lu,\"first_options\":%.6f,\"last_options\":%.6f,\"other\":%lu,\"parse_err\":%lu,\"dropped\":%lu,"
   "\"peak_10ms\":%u,\"peak_100ms\":%u,\"peak_1s\":%u,\"cpu_user\":%.3f,\"cpu_sys\":%.3f,\"refresh_frac_hist\":[",
   NOW/1e6,(NOW-T0)/1e6,C.udp_rx,C.udp_tx,C.udp_batches,C.tcp_rx,C.tcp_conns,C.txfail,C.reg,C.reg_noauth,C.reg_auth,C.reg_ok,C.reg_401,C.reg_423,C.bad,C.stale,C.badnc,C.retrans,C.unreg,C.fetch,C.cseq_bad,
   n_acc,n_ok,rn,ln,C.lapses,lapse_sum/1e6,lapse_max/1e6,C.refreshes,D(first_reg),D(first_ok),D(last_first_ok),D(t_expect),
   C.opt,C.opt_sil,C.retrans_opt,n_peer,D(first_opt),D(last_opt),C.other,C.perr,C.dropped,p10,p100,p1,
   r.ru_utime.tv_sec+r.ru_utime.tv_usec/1e6,r.ru_stime.tv_sec+r.ru_stime.tv_usec/1e6);
  for(int i=0;i<12;i++)o+=snprintf(b+o,cap-o,"%s%lu",i?",":"",fh[i]);
  o+=snprintf(b+o,cap-o,"]");
  if(timeline){int k=(NOW-T0)/1000000;if(k>7199)k=7199;int s=k>timeline?k-timeline:0;o+=snprintf(b+o,cap-o,",\"timeline_from_s\":%d,\"timeline\":[",s);
    for(int i=s;i<=k;i++)o+=snprintf(b+o,cap-o,"%s%u",i>s?",":"",tl[i]);o+=snprintf(b+o,cap-o,"]");}
  o+=snprintf(b+o,cap-o,"}");return o;}
static void reset(void){memset(&C,0,sizeof C);memset(fh,0,sizeof fh);memset(tl,0,sizeof tl);p10=p100=p1=0;lapse_max=lapse_sum=0;first_opt=last_opt=0;T0=now_us();
  for(uint64_t i=0;i<PM;i++)P[i].seen=0; n_peer=0;}

/* ---------- SIP ---------- */
#define OUTSZ 3072
static S hdrparam(S v,const char*name){ /* digest param */
  S r={0,0};const char*p=v.p,*e=v.p+v.l;int nl=strlen(name);
  while(p<e){while(p<e&&(*p==' '||*p==','||*p=='\t'||*p=='\r'||*p=='\n'))p++;const char*k=p;while(p<e&&*p!='='&&*p!=','&&*p!=' ')p++;int kl=p-k;
    if(p>=e||*p!='='){continue;}
    p++;const char*q;int ql;
    if(p<e&&*p=='"'){q=++p;while(p<e&&*p!='"')p++;ql=p-q;if(p<e)p++;}else{q=p;while(p<e&&*p!=','&&*p!=' '&&*p!='\r')p++;ql=p-q;}
    if(kl==nl&&cieq(k,kl,name)){r.p=q;r.l=ql;return r;}}
  return r;}
static const char*reason(int c){switch(c){case 200:return"OK";case 401:return"Unauthorized";case 403:return"Forbidden";case 404:return"Not Found";case 423:return"Interval Too Brief";case 405:return"Method Not Allowed";case 486:return"Busy Here";case 500:return"Server Error";case 503:return"Service Unavailable";default:return"Reply";}}
static uint64_t nonce_ctr;
static char*put(char*o,const char*s,int l){memcpy(o,s,l);return o+l;}
static char*puts0(char*o,const char*s){return put(o,s,strlen(s));}
static char*putu(char*o,uint32_t v){char t[12];int i=12;do{t[--i]='0'+v%10;v/=10;}while(v);return put(o,t+i,12-i);}
static char*puthx(char*o,uint64_t v,int n){for(int i=n-1;i>=0;i--)*o++=HX[(v>>(4*i))&15];return o;}
static uint64_t hxv(const char*p,int n){uint64_t v=0;for(int i=0;i<n;i++){int c=p[i];v=v*16+(c<='9'?c-'0':ci(c)-'a'+10);}return v;}

/* one request in b[0..n); returns reply length (0: none) */
static int handle(const char*b,int n,char*out,uint32_t sip,uint16_t sport,uint32_t dip,uint16_t dport){
  tick();
  if(drop>0&&(rnd()%10000)<drop*100){C.dropped++;return 0;}
  const char*e=b+n,*p=b;
  const char*eol=memchr(b,'\n',n);if(!eol||n<20){C.perr++;return 0;}
  if(!memcmp(b,"SIP/2.0",7)){C.other++;return 0;}
  int isreg=!memcmp(b,"REGISTER ",9),isopt=!memcmp(b,"OPTIONS ",8);
  S via[16];int nv=0;S from={0,0},to={0,0},cid={0,0},cseq={0,0},ct={0,0},exp={0,0},au={0,0};
  p=eol+1;
  while(p<e){
    if(*p=='\r'||*p=='\n')break;
    const char*q=memchr(p,'\n',e-p);if(!q)q=e;
    while(q+1<e&&(q[1]==' '||q[1]=='\t')){const char*q2=memchr(q+1,'\n',e-q-1);if(!q2){q=e;break;}q=q2;}
    const char*le=q;if(le>p&&le[-1]=='\r')le--;
    const char*c=memchr(p,':',le-p);
    if(c){int kl=c-p;while(kl&&p[kl-1]==' ')kl--;const char*v=c+1;while(v<le&&(*v==' '||*v=='\t'))v++;S sv={v,(int)(le-v)};
      switch(kl){
      case 1:switch(ci(*p)){case'v':if(nv<16)via[nv++]=sv;break;case'f':from=sv;break;case't':to=sv;break;case'i':cid=sv;break;case'm':ct=sv;break;}break;
      case 2:if(cieq(p,2,"to"))to=sv;break;
      case 3:if(cieq(p,3,"via")){if(nv<16)via[nv++]=sv;}break;
      case 4:if(cieq(p,4,"from"))from=sv;else if(cieq(p,4,"cseq"))cseq=sv;break;
      case 7:if(cieq(p,7,"call-id"))cid=sv;else if(cieq(p,7,"contact"))ct=sv;else if(cieq(p,7,"expires"))exp=sv;break;
      case 13:if(cieq(p,13,"authorization"))au=sv;break;
      }}
    p=q+1;}
  if(!nv||!from.l||!to.l||!cid.l||!cseq.l){C.perr++;return 0;}
  /* branch */
  uint64_t br;{const char*x=memmem(via[0].p,via[0].l,"branch=",7);br=x?hs(x,via[0].p+via[0].l-x,7):hs(via[0].p,via[0].l,7);}
  int code=200,granted=0,stale=0;char nonce[64];int nl=0;
  if(isopt){
    C.opt++;if(!first_opt)first_opt=NOW;last_opt=NOW;
    peer_t*pe=peer(dip,dport);if(!pe->seen){pe->seen=1;n_peer++;}if(pe->br==br)C.retrans_opt++;pe->br=br;pe->n++;
    if(ev)fprintf(ev,"%ld O %08x:%u\n",NOW,ntohl(dip),dport);
    code=pe->code>=0?pe->code:optcode;if(!code){C.opt_sil++;return 0;}
  }else if(isreg){
    C.reg++;if(!first_reg)first_reg=NOW;
    const char*u=to.p,*ue=to.p+to.l;const char*lt=memchr(u,'<',to.l);if(lt){u=lt+1;const char*gt=memchr(u,'>',ue-u);if(gt)ue=gt;}
    else{const char*sc=memchr(u,';',to.l);if(sc)ue=sc;}
    const char*cl=memchr(u,':',ue-u);if(cl)u=cl+1;{const char*sc=memchr(u,';',ue-u);if(sc)ue=sc;}
    acc_t*a=acc(u,ue-u);
    int rt=a->br==br;if(rt)C.retrans++;
    uint32_t cs=atoi(cseq.p);uint64_t ch=hs(cid.p,cid.l,3);
    if(a->cid==ch&&!rt&&cs<=a->cseq)C.cseq_bad++;
    a->cid=ch;a->cseq=cs;a->br=br;
    int asked=3600;if(exp.l)asked=atoi(exp.p);
    if(ct.l){const char*x=memmem(ct.p,ct.l,";expires=",9);if(x)asked=atoi(x+9);}
    if(ev)fprintf(ev,"%ld %c %.*s\n",NOW,au.l?'A':'R',(int)(ue-u),u);
    if(regcode==0)return 0;
    if(regcode!=200)code=regcode;
    else if(minexp&&asked&&asked<minexp){code=423;C.reg_423++;}
    else if(!au.l&&!noauth){code=401;C.reg_noauth++;C.reg_401++;}
    else{
      int ok=noauth;
      if(!noauth){
        C.reg_auth++;
        S us=hdrparam(au,"username"),rl,no,ur,rs,cn,nc,qp;S d=au;
        const char*sp=memchr(au.p,' ',au.l);if(sp){d.p=sp+1;d.l=au.p+au.l-sp-1;}
        us=hdrparam(d,"username");rl=hdrparam(d,"realm");no=hdrparam(d,"nonce");ur=hdrparam(d,"uri");rs=hdrparam(d,"response");cn=hdrparam(d,"cnonce");nc=hdrparam(d,"nc");qp=hdrparam(d,"qop");
        int bad=0;
        if(no.l!=32||rs.l!=32||rl.l!=(int)strlen(realm)||memcmp(rl.p,realm,rl.l))bad=1;
        if(!bad&&!noqop&&(!qp.l||!cn.l||nc.l!=8))bad=1;
        if(!bad){uint64_t ts=hxv(no.p,8),ctr=hxv(no.p+8,8),mac=hxv(no.p+16,16);
          if(mix(SECRET^mix(ts<<32|ctr))!=mac)bad=1;
          else if(NOW/1000000-(int64_t)ts>nonce_ttl)stale=1;
          else{uint64_t nh=hs(no.p,32,5);uint32_t ncv=noqop?1:hxv(nc.p,8);
            if(a->nonceh==nh){ if(!rt&&(nonce_once||ncv<=a->nc)){stale=1;C.badnc++;} }
            if(!stale){a->nonceh=nh;a->nc=ncv;} } }
        if(!bad){md5_t m;char h2[32],r[32];
          if(!a->ha1ok||(int)strlen(a->ha1user)!=us.l||memcmp(a->ha1user,us.p,us.l)){md5_init(&m);md5_add(&m,us.p,us.l);md5_add(&m,":",1);md5_add(&m,realm,strlen(realm));md5_add(&m,":",1);
            if(passfix)md5_add(&m,passfix,strlen(passfix));else{md5_add(&m,passpre,strlen(passpre));md5_add(&m,us.p,us.l);}
            md5_hex(&m,a->ha1);a->ha1ok=1;free(a->ha1user);a->ha1user=strndup(us.p,us.l);}
          md5_init(&m);md5_add(&m,"REGISTER:",9);md5_add(&m,ur.p,ur.l);md5_hex(&m,h2);
          md5_init(&m);md5_add(&m,a->ha1,32);md5_add(&m,":",1);md5_add(&m,no.p,no.l);md5_add(&m,":",1);
          if(qp.l){md5_add(&m,nc.p,nc.l);md5_add(&m,":",1);md5_add(&m,cn.p,cn.l);md5_add(&m,":",1);md5_add(&m,qp.p,qp.l);md5_add(&m,":",1);}
          md5_add(&m,h2,32);md5_hex(&m,r);
          if(memcmp(r,rs.p,32))bad=1;}
        if(bad){C.bad++;code=403;stale=0;}
        else if(stale){C.stale++;C.reg_401++;code=401;}
        else ok=1;
      }
      if(ok){
        C.reg_ok++;
        if(!ct.l){C.fetch++;granted=-1;}
        else if(asked==0){granted=0;if(!rt){C.unreg++;a->reg=0;a->dead=0;}}
        else{
          granted=asked;if(grant&&granted>grant)granted=grant;
          if(!rt){
            if(a->reg){C.refreshes++;double f=(double)(NOW-a->last)/(1e6*a->granted);int k=f*10;if(k<0)k=0;if(k>11)k=11;fh[k]++;
              if(NOW>a->dead){C.lapses++;int64_t g=NOW-a->dead;lapse_sum+=g;if(g>lapse_max)lapse_max=g;}}
            if(!a->first){a->first=NOW;n_ok++;if(!first_ok)first_ok=NOW;last_first_ok=NOW;if(expect&&n_ok==(uint64_t)expect)t_expect=NOW;}
            a->reg=1;a->last=NOW;a->granted=granted;a->n++;a->dead=NOW+granted*1000000LL;}
        }}
    }
  }else{ if(!memcmp(b,"ACK ",4)){C.other++;return 0;} C.other++;code=405; }
  /* reply */
  if(n+600>OUTSZ){C.perr++;return 0;}
  char*o=out;o=puts0(o,"SIP/2.0 ");o=putu(o,code);*o++=' ';o=puts0(o,reason(code));
  for(int i=0;i<nv;i++){o=puts0(o,"\r\nVia: ");
    if(i==0){const char*x=memmem(via[0].p,via[0].l,";rport",6);
      if(x&&(x+6==via[0].p+via[0].l||x[6]!='=')){o=put(o,via[0].p,x-via[0].p);o=puts0(o,";received=");char t[20];inet_ntop(AF_INET,&sip,t,20);o=puts0(o,t);o=puts0(o,";rport=");o=putu(o,sport);o=put(o,x+6,via[0].p+via[0].l-x-6);}
      else o=put(o,via[0].p,via[0].l);}
    else o=put(o,via[i].p,via[i].l);}
  o=puts0(o,"\r\nFrom: ");o=put(o,from.p,from.l);o=puts0(o,"\r\nTo: ");o=put(o,to.p,to.l);
  if(!memmem(to.p,to.l,";tag=",5)){o=puts0(o,";tag=r");o=puthx(o,br,10);}
  o=puts0(o,"\r\nCall-ID: ");o=put(o,cid.p,cid.l);o=puts0(o,"\r\nCSeq: ");o=put(o,cseq.p,cseq.l);
  if(code==401){uint64_t ts=NOW/1000000,ctr=(uint32_t)++nonce_ctr;char*z=nonce;z=puthx(z,ts,8);z=puthx(z,ctr,8);z=puthx(z,mix(SECRET^mix(ts<<32|ctr)),16);nl=z-nonce;
    o=puts0(o,"\r\nWWW-Authenticate: Digest realm=\"");o=puts0(o,realm);o=puts0(o,"\", nonce=\"");o=put(o,nonce,nl);o=puts0(o,noqop?"\", algorithm=MD5":"\", algorithm=MD5, qop=\"auth\"");if(stale)o=puts0(o,", stale=true");}
  if(code==423){o=puts0(o,"\r\nMin-Expires: ");o=putu(o,minexp);}
  if(code==200&&isreg&&granted>0){o=puts0(o,"\r\nContact: ");const char*g=memchr(ct.p,'>',ct.l);
    if(g)o=put(o,ct.p,g-ct.p+1);else{const char*sc=memchr(ct.p,';',ct.l);o=put(o,ct.p,sc?sc-ct.p:ct.l);}
    o=puts0(o,";expires=");o=putu(o,granted);}
  if(isopt)o=puts0(o,"\r\nAllow: INVITE, ACK, BYE, CANCEL, OPTIONS\r\nAccept: application/sdp");
  o=puts0(o,"\r\nServer: sipresp\r\nContent-Length: 0\r\n\r\n");
  return o-out;}

/* ---------- sockets ---------- */
enum{K_UDP=1,K_TCPL,K_TCP,K_CTL};
typedef struct { int fd,kind;uint16_t port;uint32_t ip;uint32_t rip;uint16_t rport;char*buf;int len,cap; char*ob;int ol,oc; } sk_t;
static int ep; static volatile sig_atomic_t stop,usr1;
static sk_t*add(int fd,int kind,uint32_t ip,uint16_t port){sk_t*s=calloc(1,sizeof*s);s->fd=fd;s->kind=kind;s->ip=ip;s->port=port;
  struct epoll_event e={.events=EPOLLIN,.data.ptr=s};if(epoll_ctl(ep,EPOLL_CTL_ADD,fd,&e)){perror("epoll_ctl");exit(1);}return s;}
static void listen_on(const char*spec,int kind){char t[128];snprintf(t,sizeof t,"%s",spec);char*c=strrchr(t,':');if(!c){fprintf(stderr,"bad %s\n",spec);exit(2);}*c++=0;
  int a=atoi(c),b=a;char*d=strchr(c,'-');if(d)b=atoi(d+1);
  for(int pt=a;pt<=b;pt++){
    struct sockaddr_in sa={.sin_family=AF_INET,.sin_port=htons(pt)};inet_pton(AF_INET,t,&sa.sin_addr);
    int fd=socket(AF_INET,(kind==K_TCPL?SOCK_STREAM:SOCK_DGRAM)|SOCK_NONBLOCK|SOCK_CLOEXEC,0);int one=1;
    if(fd<0){perror("socket");exit(1);}
    if(kind!=K_UDP)setsockopt(fd,SOL_SOCKET,SO_REUSEADDR,&one,sizeof one);
    if(kind==K_UDP){int sz=b-a>100?1<<20:64<<20;setsockopt(fd,SOL_SOCKET,SO_RCVBUFFORCE,&sz,sizeof sz);setsockopt(fd,SOL_SOCKET,SO_SNDBUFFORCE,&sz,sizeof sz);
      if(sa.sin_addr.s_addr==0)setsockopt(fd,IPPROTO_IP,IP_PKTINFO,&one,sizeof one);}
    if(bind(fd,(void*)&sa,sizeof sa)){fprintf(stderr,"bind %s:%d: %s\n",t,pt,strerror(errno));exit(1);}
    if(kind==K_TCPL&&listen(fd,4096)){perror("listen");exit(1);}
    add(fd,kind,sa.sin_addr.s_addr,pt);}}
#define B 64
static char ib[B][4096],ob[B][OUTSZ];static char cb[B][64],cob[B][64];
static struct mmsghdr im[B],om[B];static struct iovec iv[B],ov[B];static struct sockaddr_in ia[B];
static void udp(sk_t*s){
  for(int rounds=0;rounds<16;rounds++){
    int pk=s->ip==0;
    for(int i=0;i<B;i++){iv[i].iov_base=ib[i];iv[i].iov_len=sizeof ib[i];im[i].msg_hdr=(struct msghdr){.msg_name=ia+i,.msg_namelen=sizeof ia[i],.msg_iov=iv+i,.msg_iovlen=1,.msg_control=pk?cb[i]:NULL,.msg_controllen=pk?sizeof cb[i]:0};}
    int n=recvmmsg(s->fd,im,B,MSG_DONTWAIT,NULL);if(n<=0)return;
    NOW=now_us();C.udp_rx+=n;C.udp_batches++;int m=0;
    for(int i=0;i<n;i++){uint32_t dip=s->ip;struct in_pktinfo*pi=NULL;
      if(pk)for(struct cmsghdr*c=CMSG_FIRSTHDR(&im[i].msg_hdr);c;c=CMSG_NXTHDR(&im[i].msg_hdr,c))if(c->cmsg_level==IPPROTO_IP&&c->cmsg_type==IP_PKTINFO){pi=(void*)CMSG_DATA(c);dip=pi->ipi_addr.s_addr;}
      if(im[i].msg_len<8)continue; /* keepalive */
      int l=handle(ib[i],im[i].msg_len,ob[m],ia[i].sin_addr.s_addr,ntohs(ia[i].sin_port),dip,s->port);
      if(l>0){ov[m].iov_base=ob[m];ov[m].iov_len=l;om[m].msg_hdr=(struct msghdr){.msg_name=ia+i,.msg_namelen=sizeof ia[i],.msg_iov=ov+m,.msg_iovlen=1};
        if(pk){struct cmsghdr*c=(void*)cob[m];c->cmsg_level=IPPROTO_IP;c->cmsg_type=IP_PKTINFO;c->cmsg_len=CMSG_LEN(sizeof(struct in_pktinfo));
          struct in_pktinfo*q=(void*)CMSG_DATA(c);memset(q,0,sizeof*q);q->ipi_spec_dst.s_addr=dip;om[m].msg_hdr.msg_control=c;om[m].msg_hdr.msg_controllen=CMSG_SPACE(sizeof(struct in_pktinfo));}
        m++;}}
    for(int k=0;k<m;){int r=sendmmsg(s->fd,om+k,m-k,0);if(r<=0){if(r<0&&errno==EINTR)continue;C.txfail++;k++;continue;}k+=r;C.udp_tx+=r;}
    if(n<B)return;}}
static void tclose(sk_t*s){close(s->fd);free(s->buf);free(s->ob);free(s);C.tcp_conns--;}
static void tcp(sk_t*s,uint32_t evs){
  char out[OUTSZ];
  if(s->ol){int w=write(s->fd,s->ob,s->ol);if(w>0){memmove(s->ob,s->ob+w,s->ol-w);s->ol-=w;}if(!s->ol){struct epoll_event e={.events=EPOLLIN,.data.ptr=s};epoll_ctl(ep,EPOLL_CTL_MOD,s->fd,&e);}}
  if(!(evs&(EPOLLIN|EPOLLHUP|EPOLLERR)))return;
  if(s->cap-s->len<8192){s->cap=s->cap?s->cap*2:16384;s->buf=realloc(s->buf,s->cap);}
  int r=read(s->fd,s->buf+s->len,s->cap-s->len);
  if(r==0||(r<0&&errno!=EAGAIN)){tclose(s);return;}
  if(r<0)return;
  s->len+=r;NOW=now_us();int off=0;static char*acc_o;static int acc_c;int ol=0;if(!acc_o)acc_o=malloc(acc_c=1<<20);
  for(;;){
    while(off<s->len&&(s->buf[off]=='\r'||s->buf[off]=='\n')){if(s->len-off>=4&&!memcmp(s->buf+off,"\r\n\r\n",4)){if(ol+2<acc_c){memcpy(acc_o+ol,"\r\n",2);ol+=2;}off+=4;}else if(s->len-off<4&&s->len-off!=2){break;}else off++;}
    char*h=memmem(s->buf+off,s->len-off,"\r\n\r\n",4);if(!h)break;
    int hl=h+4-(s->buf+off),cl=0;char*x=memmem(s->buf+off,hl,"\nContent-Length:",16);if(x)cl=atoi(x+16);else if((x=memmem(s->buf+off,hl,"\nl:",3)))cl=atoi(x+3);
    if(s->len-off<hl+cl)break;
    C.tcp_rx++;int l=handle(s->buf+off,hl,out,s->rip,s->rport,s->ip,s->port);
    if(l){if(ol+l>acc_c)acc_o=realloc(acc_o,acc_c*=2);memcpy(acc_o+ol,out,l);ol+=l;}
    off+=hl+cl;}
  memmove(s->buf,s->buf+off,s->len-off);s->len-=off;
  if(!s->len&&s->cap>16384){free(s->buf);s->buf=NULL;s->cap=0;}
  if(ol){int w=s->ol?0:write(s->fd,acc_o,ol);if(w<0)w=0;if(w<ol){if(s->ol+ol-w>s->oc)s->ob=realloc(s->ob,s->oc=s->ol+ol-w+4096);memcpy(s->ob+s->ol,acc_o+w,ol-w);s->ol+=ol-w;
      struct epoll_event e={.events=EPOLLIN|EPOLLOUT,.data.ptr=s};epoll_ctl(ep,EPOLL_CTL_MOD,s->fd,&e);}}
}
static char jb[1<<17];
static void ctl(sk_t*s){char c[256];struct sockaddr_in f;socklen_t fl=sizeof f;int n;
  while((n=recvfrom(s->fd,c,sizeof c-1,MSG_DONTWAIT,(void*)&f,&fl))>0){c[n]=0;char a[64]="";int port,code;int l=0;
    if(!strncmp(c,"stats",5))l=stats(jb,sizeof jb,0);else if(!strncmp(c,"timeline",8))l=stats(jb,60000,600);
    else if(!strncmp(c,"reset",5)){reset();l=sprintf(jb,"{\"ok\":1}");}
    else if(sscanf(c,"peers %d",&code)==1){optcode=code;for(uint64_t i=0;i<PM;i++)P[i].code=-1;l=sprintf(jb,"{\"ok\":1}");}
    else if(sscanf(c,"peer %60[0-9.]:%d %d",a,&port,&code)==3){struct in_addr x;inet_pton(AF_INET,a,&x);peer(x.s_addr,port)->code=code;l=sprintf(jb,"{\"ok\":1}");}
    else if(sscanf(c,"regcode %d",&code)==1){regcode=code;l=sprintf(jb,"{\"ok\":1}");}
    else if(sscanf(c,"drop %lf",&drop)==1){l=sprintf(jb,"{\"ok\":1}");}
    else if(!strncmp(c,"quit",4)){stop=1;l=sprintf(jb,"{\"ok\":1}");}
    else l=sprintf(jb,"{\"error\":\"?\"}");
    if(l)sendto(s->fd,jb,l,0,(void*)&f,fl);}}
static void onsig(int s){if(s==SIGUSR1)usr1=1;else stop=1;}
int main(int ac,char**av){
  struct rlimit rl={1<<20,1<<20};if(setrlimit(RLIMIT_NOFILE,&rl)){getrlimit(RLIMIT_NOFILE,&rl);rl.rlim_cur=rl.rlim_max;setrlimit(RLIMIT_NOFILE,&rl);}
  ep=epoll_create1(EPOLL_CLOEXEC);T0=NOW=now_us();SECRET=mix(T0^getpid());
  for(int i=1;i<ac;i++){char*o=av[i];
#define V (i+1<ac?av[++i]:(fprintf(stderr,"%s needs a value\n",o),exit(2),""))
    if(!strcmp(o,"--udp"))listen_on(V,K_UDP);else if(!strcmp(o,"--tcp"))listen_on(V,K_TCPL);else if(!strcmp(o,"--ctl"))listen_on(V,K_CTL);
    else if(!strcmp(o,"--realm"))realm=V;else if(!strcmp(o,"--pass-prefix"))passpre=V;else if(!strcmp(o,"--pass"))passfix=V;else if(!strcmp(o,"--no-auth"))noauth=1;
    else if(!strcmp(o,"--grant"))grant=atoi(V);else if(!strcmp(o,"--min-expires"))minexp=atoi(V);else if(!strcmp(o,"--nonce-ttl"))nonce_ttl=atoi(V);else if(!strcmp(o,"--nonce-once"))nonce_once=1;
    else if(!strcmp(o,"--no-qop"))noqop=1;else if(!strcmp(o,"--options-code"))optcode=atoi(V);else if(!strcmp(o,"--drop"))drop=atof(V);else if(!strcmp(o,"--expect"))expect=atoi(V);
    else if(!strcmp(o,"--interval"))interval=atoi(V);else if(!strcmp(o,"--out"))outf=V;else if(!strcmp(o,"--evlog")){ev=fopen(V,"w");setvbuf(ev,NULL,_IOFBF,1<<20);}
    else{fprintf(stderr,"unknown option %s\n",o);return 2;}}
  struct sigaction sg={.sa_handler=onsig};sigaction(SIGUSR1,&sg,0);sigaction(SIGTERM,&sg,0);sigaction(SIGINT,&sg,0);signal(SIGPIPE,SIG_IGN);
  static struct epoll_event e[512];int64_t nexti=interval?T0+interval*1000000LL:INT64_MAX;
  while(!stop){
    int n=epoll_wait(ep,e,512,interval?200:-1);
    for(int i=0;i<n;i++){sk_t*s=e[i].data.ptr;
      switch(s->kind){case K_UDP:udp(s);break;case K_CTL:ctl(s);break;case K_TCP:tcp(s,e[i].events);break;
      case K_TCPL:{struct sockaddr_in f;socklen_t fl=sizeof f;int fd;while((fd=accept4(s->fd,(void*)&f,&fl,SOCK_NONBLOCK|SOCK_CLOEXEC))>=0){struct sockaddr_in l;socklen_t ll=sizeof l;getsockname(fd,(void*)&l,&ll);
        int one=1;setsockopt(fd,IPPROTO_TCP,TCP_NODELAY,&one,sizeof one);sk_t*t=add(fd,K_TCP,l.sin_addr.s_addr,s->port);t->rip=f.sin_addr.s_addr;t->rport=ntohs(f.sin_port);C.tcp_conns++;fl=sizeof f;}}}}
    if(usr1||(interval&&now_us()>=nexti)){usr1=0;if(interval)nexti=now_us()+interval*1000000LL;stats(jb,sizeof jb,0);puts(jb);fflush(stdout);}}
  stats(jb,sizeof jb,600);if(ev)fclose(ev);
  if(outf){FILE*f=fopen(outf,"w");if(f){fprintf(f,"%s\n",jb);fclose(f);}}else{puts(jb);}
  return 0;}
