"""The built-in vocabulary: skills of software, data, office, health, trades and languages, with their aliases.

Written for this repository. Skills are parted by `;`, a skill's aliases follow `=` and are parted by `,`. A name or
alias marked with `*` is also an ordinary word or a bare letter: in running text it counts only where it stands like a
skill (see `domain/skills.py`).
"""

LANGUAGES_OF_PROGRAMMING = """
python = py*, python3, python 3, cpython; java = core java, java se, jdk; java ee = j2ee, jakarta ee, javaee;
javascript = js, ecmascript, es6, es2015, es.next, esnext, vanilla js; typescript = ts*; c* = c language,
ansi c, c programming; c++ = cpp, c plus plus; c# = csharp, c sharp; f# = fsharp; objective-c = objc, obj-c;
go* = golang, go lang, go programming; rust* = rust lang, rustlang; ruby*; php = php5, php7, php8; perl;
swift*; kotlin; scala; groovy; clojure; haskell; erlang; elixir*; ocaml; lua; dart*; julia*; r* = r
language, r programming, rstudio, r studio, tidyverse; matlab; fortran; cobol; pascal*; delphi*; assembly
language = assembler; visual basic = vb.net, visual basic .net; vba = visual basic for applications; abap;
apex*; solidity; bash = bash scripting; shell scripting = shell script, shell scripts, unix shell;
powershell; sql = structured query language; pl/sql = plsql; t-sql = tsql, transact-sql; xslt; latex;
prolog; lisp = common lisp; zig*; verilog; vhdl; labview; sas*; stata
"""

WEB = """
html = html5, html 5, xhtml; css = css3, css 3, cascading style sheets; sass* = scss; less*; tailwind css =
tailwind, tailwindcss; bootstrap*; material design; jquery; react = react.js, reactjs, react js; react
native; redux = react redux; next.js = nextjs; vue = vue.js, vuejs, vue js; nuxt = nuxt.js, nuxtjs; vuex;
angular* = angular 2, angular2, angular 2+; angularjs = angular.js, angular js; svelte = sveltekit,
svelte.js; ember.js = emberjs; backbone.js = backbonejs, backbone js; knockout.js = knockoutjs; d3.js = d3,
d3js; three.js = threejs; webgl; webpack; vite; babel*; gulp = gulp.js; grunt*; npm; yarn*; node.js =
nodejs, node js, node*; deno; bun*; express.js = expressjs, express js, express*; nestjs = nest.js; django =
django rest framework; flask* = python flask; fastapi; pyramid*; celery*; sqlalchemy; ruby on rails =
rails*, ror; sinatra*; laravel; symfony; codeigniter; wordpress; drupal; joomla; magento; shopify; spring* =
spring framework; spring boot = springboot; spring mvc; hibernate* = hibernate orm; java server faces = jsf,
javaserver faces; jpa; maven; gradle; junit; mockito; .net = dotnet, dot net; .net core = dotnet core;
asp.net = asp.net mvc, asp.net core, asp .net; entity framework = ef core; blazor; wpf; xamarin; graphql;
apollo graphql; rest* = restful, rest api, rest apis, restful api, restful apis, restful web services,
restful services; soap* = soap web services; grpc; websocket = websockets; json; xml; ajax; oauth = oauth2,
oauth 2.0; openapi = swagger; web accessibility = wcag, a11y; seo = search engine optimization, search
engine optimisation; lamp* = lamp stack; mvc = model view controller; orm = object relational mapping;
responsive design = responsive web design; web development; front-end development = frontend development;
back-end development = backend development; full-stack development = full stack development; microservices =
micro services, microservice architecture
"""

MOBILE_AND_GAMES = """
android = android sdk, android development; ios = ios development; swiftui; jetpack compose; flutter;
ionic*; cordova = phonegap; unity* = unity3d; unreal engine = unreal; game development; opengl; augmented
reality; virtual reality; embedded systems = embedded software; arduino; raspberry pi; rtos = freertos; iot
= internet of things; plc = plc programming; fpga; computer vision = opencv; ros* = robot operating system
"""

DATA = """
postgresql = postgres, postgre sql, psql; mysql; mariadb; sqlite; oracle database = oracle db, oracle*; sql
server = microsoft sql server, ms sql server, ms sql, mssql, ms-sql; mongodb = mongo, mongo db; redis;
valkey; cassandra = apache cassandra; couchdb; dynamodb = amazon dynamodb, dynamo db; neo4j; elasticsearch =
elastic search; opensearch; solr = apache solr; nosql = no-sql; clickhouse; snowflake*; bigquery = google
bigquery; redshift = amazon redshift; teradata; data warehousing = data warehouse; etl = extract transform
load; dbt; airflow = apache airflow; apache kafka = kafka; rabbitmq; activemq; apache spark = spark*,
pyspark; hadoop = apache hadoop, mapreduce, hdfs; hive* = apache hive; flink = apache flink; databricks;
pandas; numpy; scipy; matplotlib; jupyter = jupyter notebook; scikit-learn = sklearn; tensorflow = tensor
flow; pytorch = torch*; keras; xgboost; machine learning = ml*; deep learning; natural language processing =
nlp; large language models = llm, llms, large language model; langchain; hugging face = huggingface; mlops;
reinforcement learning; artificial intelligence = ai*; data science; data analysis = data analytics; data
engineering; data modeling = data modelling; data visualization = data visualisation; business intelligence;
power bi = powerbi; tableau; looker*; qlik = qlikview, qlik sense; statistics* = statistical analysis; spss;
a/b testing = ab testing; gis = geographic information systems; arcgis; qgis
"""

OPERATIONS = """
linux = gnu/linux, ubuntu, debian, red hat, rhel, centos; unix; windows server; macos = mac os, os x; aws =
amazon web services; ec2 = amazon ec2; s3 = amazon s3; rds* = amazon rds, aws rds; aws
lambda; ecs* = amazon ecs; eks; cloudformation = aws cloudformation; azure = microsoft azure; google cloud =
gcp, google cloud platform; heroku; digitalocean = digital ocean; firebase; cloudflare; openstack; vmware;
docker = docker compose; kubernetes = k8s; helm*; openshift; podman; terraform; pulumi; ansible; puppet*;
chef* = chef infra; vagrant; jenkins; gitlab = gitlab ci; github* = github actions; bitbucket; travis ci;
circleci = circle ci; argo cd = argocd; ci/cd = cicd, continuous integration, continuous delivery,
continuous deployment; git; subversion = svn; mercurial*; tfs = team foundation server; devops; site
reliability engineering = sre; prometheus*; grafana; datadog; splunk; elk stack = elk*; nginx; apache http
server = apache httpd; tomcat = apache tomcat; networking* = computer networking; tcp/ip; dns; cisco = ccna,
ccnp; vpn; firewalls = firewall; active directory; cybersecurity = cyber security, information security;
penetration testing = pentesting; siem; cryptography; system administration = systems administration,
sysadmin; technical support = it support; help desk = helpdesk; itil; servicenow; incident management
"""

PRACTICE = """
agile* = agile methodologies, agile development, agile methodology; scrum = scrum master; kanban; safe agile
= scaled agile; test-driven development = tdd, test driven development; bdd = behavior driven development,
behaviour driven development; unit testing = unit tests; test automation = automated testing; quality
assurance = qa*; selenium = selenium webdriver; cypress*; playwright*; pytest; jest*; mocha*; jasmine*;
postman*; jira = atlassian jira; confluence*; trello; asana; object-oriented programming = oop, object
oriented programming; functional programming; design patterns; domain-driven design = ddd; event sourcing;
cqrs; event-driven architecture = event driven architecture; software architecture; system design = systems
design; software engineering; software development; algorithms*; data structures; distributed systems; uml;
code review = code reviews; technical writing = technical documentation; project management; product
management; program management = programme management; stakeholder management; change management; risk
management; requirements analysis = requirements engineering; business analysis; pmp; prince2; six sigma =
lean six sigma; lean manufacturing; waterfall* = waterfall model; unified process = rational unified
process, rup*; ms project = microsoft project
"""

DESIGN = """
figma; sketch* = sketch app; adobe photoshop = photoshop; adobe illustrator = illustrator*; adobe indesign =
indesign; adobe xd; after effects = adobe after effects; premiere pro = adobe premiere, adobe premiere pro;
adobe creative suite = creative suite, adobe creative cloud, creative cloud; invision; canva; user
experience = ux, ux design, user experience design; user interface design = ui design, ui/ux, ux/ui, ui*;
user research; wireframing = wireframes; prototyping*; graphic design; typography*; branding*; blender*;
maya* = autodesk maya; 3ds max = 3d studio max; autocad = auto cad; solidworks; catia; revit; sketchup; cad*
= computer-aided design; bim = building information modeling; video editing; photography*; animation*;
copywriting
"""

OFFICE = """
microsoft office = ms office, office 365, microsoft 365; excel* = microsoft excel, ms excel; microsoft word
= ms word, word*; powerpoint = microsoft powerpoint, ms powerpoint; microsoft outlook = ms outlook, outlook*; microsoft
access = ms access, access*; sharepoint; google workspace = g suite, google docs, google sheets; salesforce = sfdc;
sap* = sap erp, sap s/4hana; hubspot; zendesk; workday*; quickbooks; xero*; netsuite; microsoft dynamics =
dynamics 365; crm = customer relationship management; erp = enterprise resource planning; accounting*;
bookkeeping; auditing*; payroll*; taxation = tax preparation; financial analysis; financial modeling =
financial modelling; budgeting*; forecasting*; ifrs; gaap; accounts payable; accounts receivable;
procurement*; supply chain management = supply chain; logistics*; inventory management; warehouse
management; data entry; customer service = customer support; sales* = b2b sales; account management;
business development; negotiation*; digital marketing; content marketing; email marketing; social media
marketing = social media management; google analytics; google ads = adwords, google adwords; market
research; public relations; event planning = event management; recruiting* = recruitment*, talent
acquisition; human resources = hr*; onboarding*; training* = staff training; public speaking; teaching*;
curriculum development; contract management; regulatory compliance = compliance*; legal research; gdpr
"""

HEALTH = """
patient care; nursing* = registered nurse, registered nursing; cpr; first aid; bls = basic life support;
acls = advanced cardiac life support; phlebotomy; triage*; wound care; medication administration; vital
signs; electronic health records = ehr, emr, electronic medical records; hipaa; medical billing; medical
coding = icd-10, cpt coding; medical terminology; clinical research = clinical trials; gcp compliance = good
clinical practice; infection control; physical therapy = physiotherapy; occupational therapy; mental health
counseling = mental health counselling; caregiving = elderly care; pharmacology; laboratory techniques =
laboratory skills; pcr; cell culture; biochemistry; molecular biology; epidemiology; public health; dental
hygiene; radiography*; veterinary care; food safety = haccp; cooking*; barista
"""

TRADES = """
welding = mig welding, tig welding, arc welding; carpentry; plumbing*; electrical wiring = electrical
installation; electrical engineering; mechanical engineering; civil engineering; chemical engineering;
structural engineering; hvac = heating ventilation and air conditioning; masonry; painting*; roofing*;
drywall; blueprint reading; forklift operation = forklift, forklift driver; heavy equipment operation =
heavy machinery; cdl = commercial driver's license, commercial driver license; cnc = cnc machining, cnc
programming; machining*; soldering; pipefitting; diesel mechanics = diesel engines; automotive repair = auto
repair; preventive maintenance; osha = osha 10, osha 30; occupational health and safety = workplace safety,
health and safety; construction management; landscaping*; gardening*; quality control; assembly line =
assembly work; housekeeping*; security guard = security guarding; truck driving
"""

LANGUAGES = """
english*; german* = deutsch; french* = français; spanish* = español, castellano; italian* = italiano;
portuguese* = português; dutch* = nederlands; polish*; russian*; ukrainian*; czech*; swedish*; norwegian*;
danish*; finnish*; greek*; turkish*; arabic*; hebrew*; persian* = farsi*; hindi; bengali; urdu; mandarin* =
mandarin chinese, chinese*; cantonese*; japanese*; korean*; vietnamese*; thai*; indonesian*; swahili;
american sign language = asl; translation*
"""

SECTIONS = (
    LANGUAGES_OF_PROGRAMMING,
    WEB,
    MOBILE_AND_GAMES,
    DATA,
    OPERATIONS,
    PRACTICE,
    DESIGN,
    OFFICE,
    HEALTH,
    TRADES,
    LANGUAGES,
)
